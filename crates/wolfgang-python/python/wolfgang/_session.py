"""Sessions and conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._options import split
from ._prompt import checked_prompt, valid_text
from ._result import Result
from ._stream import TextStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from . import _wolfgang
    from ._model import Model
    from ._prompt import Prompt

__all__ = ["Conversation", "Session"]


class Session:
    """Generations that share a KV cache, from ``model.session()``.

    For a prompt that begins as the text before, only the remaining tokens are computed. The cache
    does not change the text::

        >>> import wolfgang
        >>> session = wolfgang.Model.load("faust").session()
        >>> first = session.generate("Habe nun, ach!", max_new_tokens=12, seed=1)
        >>> second = session.generate("Habe nun, ach!" + first.text, max_new_tokens=4, seed=1)
        >>> second.cached_tokens > 0
        True
    """

    def __init__(self, model: Model, native: _wolfgang.Session) -> None:
        self._model = model
        self._native = native
        model._dependents.add(self)

    def stream(self, prompt: Prompt, **options: Any) -> TextStream:
        """Streams a text, as ``Model.stream`` does."""
        return TextStream(self._native.stream(checked_prompt(prompt), *split(options)))

    def generate(self, prompt: Prompt, **options: Any) -> Result:
        """Generates a text, as ``Model.generate`` does."""
        return finish(self.stream(prompt, **options))

    @property
    def ids(self) -> list[int]:
        """The cached ids."""
        return self._native.ids()

    def truncate(self, n: int) -> None:
        """Truncates the cache to its first ``n`` ids."""
        self._native.truncate(n)

    def fork(self) -> Session:
        """Returns a session with the same cache."""
        return Session(self._model, self._native.fork())

    def close(self) -> None:
        """Releases the cache."""
        self._native.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Session({self._model!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a session cannot be pickled: pickle the model")


class Conversation:
    """A conversation, from ``model.conversation()``: messages in the chat format of the model.

    If the messages exceed the context, the oldest are not seen by the model.
    """

    def __init__(self, model: Model, native: _wolfgang.Conversation) -> None:
        self._model = model
        self._native = native
        model._dependents.add(self)

    def send(self, text: str, **options: Any) -> Result:
        """Adds a message of the user and returns the reply, which is added to the messages."""
        return finish(self.stream(text, **options))

    def stream(self, text: str, **options: Any) -> TextStream:
        """Adds a message of the user and streams the reply. The next message can be sent after the
        end of the stream."""
        return TextStream(self._native.reply(valid_text(text), *split(options)))

    def regenerate(self, **options: Any) -> Result:
        """Replaces the last reply by another one."""
        return finish(TextStream(self._native.reply(None, *split(options))))

    @property
    def messages(self) -> list[dict[str, str]]:
        """The messages: dictionaries with ``role`` and ``content``."""
        return self._native.messages()

    @messages.setter
    def messages(self, messages: Iterable[Mapping[str, str]]) -> None:
        self._native.set_messages([dict(message) for message in messages])

    @property
    def system(self) -> str:
        """The system prompt."""
        return self._native.system

    @system.setter
    def system(self, system: str) -> None:
        self._native.set_system(valid_text(system))

    def reset(self) -> None:
        """Removes all messages."""
        self._native.reset()

    def fork(self) -> Conversation:
        """Returns a conversation with the same messages."""
        return Conversation(self._model, self._native.fork())

    def close(self) -> None:
        """Releases the cache."""
        self._native.close()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Conversation({self._model!r}, messages={len(self.messages)})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a conversation cannot be pickled: pickle its messages")


def finish(stream: TextStream) -> Result:
    """Runs a stream to its end."""
    for _ in stream:
        pass
    result = stream.result
    assert result is not None, "the stream has ended"
    return result
