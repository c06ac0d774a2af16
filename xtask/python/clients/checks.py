"""What `cargo xtask check-clients` checks of every Python client.

A client's script passes an object with these methods to `run`. `server` says where to send the request, and `options`
are max_tokens, seed and temperature.

- models(server): the names of the models; None if the client cannot list them
- complete(server, prompt, options) and chat(server, messages, options): the text of the answer
- stream_completion and stream_chat, likewise: an iterator over the pieces of the text, whose close() ends the request
- errors: the exceptions that it raises for the status codes 400, 401 and 404
- invalid: an option that the client passes on and the server refuses
"""

import json
import re
import sys
import time
import urllib.request
from dataclasses import dataclass, replace

PROMPT = "Habe nun, ach! Philosophie,"
MESSAGES = [
    {"role": "system", "content": "Du bist Johann Wolfgang von Goethe."},
    {"role": "user", "content": "Wer reitet so spät durch Nacht und Wind?"},
]
OPTIONS = {"max_tokens": 48, "seed": 7, "temperature": 0.9}

# The chat server needs several seconds for this many tokens.
LONG_OPTIONS = {"max_tokens": 2000, "seed": 7, "temperature": 0}

# Seconds until an abandoned request must have ended.
ABORTED_WITHIN = 1


@dataclass(frozen=True)
class Server:
    """A server, one of its models, and the key to use."""

    url: str
    key: str
    model: str = ""

    @property
    def base_url(self):
        """The URL that clients want."""
        return self.url + "/v1"

    def request(self, path, body=None):
        """The answer to a request without any client."""
        headers = {"Authorization": "Bearer " + self.key, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=60) as answer:
            return answer.read().decode()

    def with_first_model(self):
        return replace(self, model=json.loads(self.request("/v1/models"))["data"][0]["id"])

    def running(self):
        """How many requests the server computes."""
        found = re.search(r"^wolfgang_num_requests_running(?:\{.*\})? (\S+)$", self.request("/metrics"), re.MULTILINE)
        return float(found[1])


def servers():
    """The server of the base model and the server of the chat model, from the command line."""
    return [Server(**server).with_first_model() for server in json.loads(sys.argv[1])]


def run(client):
    base, chat = servers()
    for name, check in CHECKS.items():
        note = check(client, base, chat)
        print(name if note is None else f"{name}: {note}", flush=True)


def models(client, base, chat):
    names = client.models(base)
    if names is None:
        return "not offered by the client"
    equal(list(names), [base.model])


def completion(client, base, chat):
    answer = json.loads(base.request("/v1/completions", {"model": base.model, "prompt": PROMPT, **OPTIONS}))
    equal(client.complete(base, PROMPT, OPTIONS), answer["choices"][0]["text"])


def completion_stream(client, base, chat):
    pieces = list(client.stream_completion(base, PROMPT, OPTIONS))
    assert len(pieces) > 1, pieces
    equal("".join(pieces), client.complete(base, PROMPT, OPTIONS))


def chat_answer(client, base, chat):
    answer = json.loads(chat.request("/v1/chat/completions", {"model": chat.model, "messages": MESSAGES, **OPTIONS}))
    equal(client.chat(chat, MESSAGES, OPTIONS), answer["choices"][0]["message"]["content"])


def chat_stream(client, base, chat):
    pieces = list(client.stream_chat(chat, MESSAGES, OPTIONS))
    assert len(pieces) > 1, pieces
    equal("".join(pieces), client.chat(chat, MESSAGES, OPTIONS))


def seed(client, base, chat):
    first, again = (client.complete(base, PROMPT, OPTIONS) for _ in range(2))
    equal(first, again)
    assert client.complete(base, PROMPT, OPTIONS | {"seed": 8}) != first, "another seed gives the same text"


def errors(client, base, chat):
    unknown = replace(base, model="no-such-model")
    raises(client.errors[404], lambda: client.complete(unknown, PROMPT, OPTIONS))
    raises(client.errors[404], lambda: list(client.stream_completion(unknown, PROMPT, OPTIONS)))
    raises(client.errors[400], lambda: client.complete(base, PROMPT, OPTIONS | client.invalid))
    raises(client.errors[400], lambda: client.complete(base, PROMPT * 1000, OPTIONS))
    raises(client.errors[401], lambda: client.chat(replace(chat, key="wrong"), MESSAGES, OPTIONS))


def abort(client, base, chat):
    stream = client.stream_chat(chat, MESSAGES, LONG_OPTIONS)
    next(stream)
    equal(chat.running(), 1)
    stream.close()
    start = time.monotonic()
    while chat.running() > 0:
        assert time.monotonic() - start < ABORTED_WITHIN, "the server still computes the abandoned request"
        time.sleep(0.01)


CHECKS = {
    "models list": models,
    "completion": completion,
    "completion, streamed": completion_stream,
    "chat": chat_answer,
    "chat, streamed": chat_stream,
    "seed": seed,
    "errors 400, 401, 404": errors,
    "abort": abort,
}


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def raises(error, call):
    try:
        answer = call()
    except error:
        return
    raise AssertionError(f"expected {error}, but the answer is {answer!r}")
