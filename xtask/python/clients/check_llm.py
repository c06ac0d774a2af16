"""The client `llm`: its Python interface, and for streams of a chat its command, which a user ends by Ctrl-C."""

import codecs
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import openai
from checks import run

FOLDER = tempfile.TemporaryDirectory()
os.environ["LLM_USER_PATH"] = FOLDER.name

import llm  # noqa: E402


class Client:
    errors = {400: openai.BadRequestError, 401: openai.AuthenticationError, 404: openai.NotFoundError}
    # It checks the temperature itself.
    invalid = {"max_tokens": -1}

    def models(self, server):
        return None

    def complete(self, server, prompt, options):
        return model(server, completion=True).prompt(prompt, key=server.key, stream=False, **options).text()

    def stream_completion(self, server, prompt, options):
        yield from model(server, completion=True).prompt(prompt, key=server.key, **options)

    def chat(self, server, messages, options):
        system, user = (message["content"] for message in messages)
        return model(server).prompt(user, system=system, key=server.key, stream=False, **options).text()

    def stream_chat(self, server, messages, options):
        model(server)
        system, user = (message["content"] for message in messages)
        command = [sys.executable, "-m", "llm", "prompt", "--no-log", "--model", "wolfgang", "--key", server.key]
        for name, value in options.items():
            command += ["--option", name, str(value)]
        command += ["--system", system, user]
        decoder = codecs.getincrementaldecoder("utf-8")()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                # The command ends its output with a line break.
                held = ""
                while data := process.stdout.read1():
                    text = held + decoder.decode(data)
                    held = "\n" if text.endswith("\n") else ""
                    yield text.removesuffix("\n")
            finally:
                process.send_signal(signal.SIGINT)


def model(server, completion=False):
    """The model as a user adds it, by the file extra-openai-models.yaml. JSON is YAML."""
    described = {
        "model_id": "wolfgang",
        "model_name": server.model,
        "api_base": server.base_url,
        "api_key_name": "wolfgang",
        "completion": completion,
    }
    Path(FOLDER.name, "extra-openai-models.yaml").write_text(json.dumps([described]))
    return llm.get_model("wolfgang")


run(Client())
