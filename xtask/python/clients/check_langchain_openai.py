"""The client `langchain-openai`."""

import openai
from checks import run
from langchain_openai import ChatOpenAI, OpenAI


class Client:
    errors = {400: openai.BadRequestError, 401: openai.AuthenticationError, 404: openai.NotFoundError}
    invalid = {"temperature": -1}

    def models(self, server):
        return None

    def complete(self, server, prompt, options):
        return model(OpenAI, server, options).invoke(prompt)

    def stream_completion(self, server, prompt, options):
        yield from model(OpenAI, server, options).stream(prompt)

    def chat(self, server, messages, options):
        return model(ChatOpenAI, server, options).invoke(messages).content

    def stream_chat(self, server, messages, options):
        for chunk in model(ChatOpenAI, server, options).stream(messages):
            yield chunk.content


def model(kind, server, options):
    return kind(base_url=server.base_url, api_key=server.key, model=server.model, max_retries=0, **options)


run(Client())
