"""The client `litellm`."""

import os
from contextlib import closing

from checks import run

# Otherwise it looks for its table of prices in the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402

litellm.suppress_debug_info = True


class Client:
    errors = {400: litellm.BadRequestError, 401: litellm.AuthenticationError, 404: litellm.NotFoundError}
    invalid = {"temperature": -1}

    def models(self, server):
        names = litellm.get_valid_models(
            check_provider_endpoint=True,
            custom_llm_provider="openai",
            api_key=server.key,
            api_base=server.url,
        )
        return [name.removeprefix("openai/") for name in names]

    def complete(self, server, prompt, options):
        answer = litellm.text_completion(prompt=prompt, **where("text-completion-openai/", server), **options)
        return answer.choices[0].text

    def stream_completion(self, server, prompt, options):
        for chunk in litellm.text_completion(
            prompt=prompt, stream=True, **where("text-completion-openai/", server), **options
        ):
            yield chunk.choices[0].text or ""

    def chat(self, server, messages, options):
        answer = litellm.completion(messages=messages, **where("openai/", server), **options)
        return answer.choices[0].message.content

    def stream_chat(self, server, messages, options):
        stream = litellm.completion(messages=messages, stream=True, **where("openai/", server), **options)
        with closing(stream):
            for chunk in stream:
                yield chunk.choices[0].delta.content or ""


def where(provider, server):
    return {"model": provider + server.model, "api_base": server.base_url, "api_key": server.key, "num_retries": 0}


run(Client())
