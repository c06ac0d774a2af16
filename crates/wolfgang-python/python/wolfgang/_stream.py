"""Streams: running generations."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any

from ._result import Piece, Result, token_logprobs

if TYPE_CHECKING:
    from types import TracebackType

    from . import _wolfgang

__all__ = ["AsyncTextStream", "TextStream"]

_executor: tuple[int, Any] | None = None


class TextStream(Generator[str, None, None]):
    """An iterator of the pieces of a text, from ``model.stream``.

    Pieces are never empty; joined, they are the text. The generation starts with the first piece.
    Any thread can advance a stream: of several threads, each gets other pieces. A stream that is
    closed or deleted cancels its generation.
    """

    def __init__(self, native: _wolfgang.Stream) -> None:
        self._native = native

    def __next__(self) -> str:
        while (piece := self._native.next()) is not None:
            if piece[0]:
                return piece[0]
        raise StopIteration

    def __iter__(self) -> TextStream:
        return self

    def pieces(self) -> Iterator[Piece]:
        """Returns an iterator of :class:`Piece` instead of text: with ids, log-probabilities and
        explanations."""
        while (piece := self._native.next()) is not None:
            text, ids, logprobs, explanations = piece
            yield Piece(text, ids, token_logprobs(logprobs), explanations or [])

    def send(self, value: None, /) -> str:
        return next(self)

    def throw(self, typ: Any, val: Any = None, tb: TracebackType | None = None, /) -> str:
        """Closes the stream and raises the exception."""
        self.close()
        if isinstance(typ, BaseException):
            raise typ
        raise val if isinstance(val, BaseException) else typ(*(() if val is None else (val,)))

    def cancel(self) -> None:
        """Cancels the generation before its next token, from any thread. The buffered text follows,
        then the end with the reason ``cancelled``."""
        self._native.cancel()

    def close(self) -> None:
        """Cancels the generation and ends the stream."""
        self._native.close()

    @property
    def seed(self) -> int:
        """The seed; the same seed gives the same text."""
        return self._native.seed

    @property
    def result(self) -> Result | None:
        """The result, after the end; ``None`` before it."""
        summary = self._native.summary()
        return None if summary is None else Result._of(summary)

    def __enter__(self) -> TextStream:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a running stream cannot be pickled")


class AsyncTextStream(AsyncIterator[str]):
    """An asynchronous iterator of the pieces of a text, from ``model.astream``.

    The event loop is not blocked. If the task is cancelled, so is the generation.
    """

    def __init__(self, stream: TextStream) -> None:
        self._stream = stream

    async def __anext__(self) -> str:
        piece: str | None = await run(_next_or_none, self._stream, cancel=self._stream.close)
        if piece is None:
            raise StopAsyncIteration
        return piece

    def __aiter__(self) -> AsyncTextStream:
        return self

    def cancel(self) -> None:
        """Cancels the generation before its next token."""
        self._stream.cancel()

    async def aclose(self) -> None:
        """Cancels the generation and ends the stream."""
        self._stream.close()

    @property
    def seed(self) -> int:
        """The seed; the same seed gives the same text."""
        return self._stream.seed

    @property
    def result(self) -> Result | None:
        """The result, after the end; ``None`` before it."""
        return self._stream.result

    async def __aenter__(self) -> AsyncTextStream:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


def _next_or_none(stream: TextStream) -> str | None:
    # StopIteration cannot be the result of a future.
    return next(stream, None)


async def run(function: Any, *args: Any, cancel: Any = None) -> Any:
    """Calls a function on another thread; ``cancel`` is called if the task is cancelled."""
    import asyncio

    future = asyncio.get_running_loop().run_in_executor(_threads(), function, *args)
    try:
        return await future
    except asyncio.CancelledError:
        if cancel is not None:
            cancel()
        raise


def _threads() -> Any:
    """The threads that wait for generations. A child process has its own."""
    global _executor
    if _executor is None or _executor[0] != os.getpid():
        from concurrent.futures import ThreadPoolExecutor

        _executor = (os.getpid(), ThreadPoolExecutor(64, thread_name_prefix="wolfgang-async"))
    return _executor[1]
