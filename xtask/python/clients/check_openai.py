"""The client `openai`."""

import openai
from checks import run


class Client:
    errors = {400: openai.BadRequestError, 401: openai.AuthenticationError, 404: openai.NotFoundError}
    invalid = {"temperature": -1}

    def models(self, server):
        return [model.id for model in connect(server).models.list()]

    def complete(self, server, prompt, options):
        answer = connect(server).completions.create(model=server.model, prompt=prompt, **options)
        assert answer.usage.completion_tokens <= options["max_tokens"]
        return answer.choices[0].text

    def stream_completion(self, server, prompt, options):
        with connect(server).completions.create(model=server.model, prompt=prompt, stream=True, **options) as stream:
            for chunk in stream:
                yield chunk.choices[0].text

    def chat(self, server, messages, options):
        answer = connect(server).chat.completions.create(model=server.model, messages=messages, **options)
        return answer.choices[0].message.content

    def stream_chat(self, server, messages, options):
        with connect(server).chat.completions.create(
            model=server.model, messages=messages, stream=True, stream_options={"include_usage": True}, **options
        ) as stream:
            for chunk in stream:
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""
        assert chunk.usage.completion_tokens > 0 and not chunk.choices, chunk


def connect(server):
    return openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0)


run(Client())
