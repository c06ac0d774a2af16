"""The class of the original, with its signatures, defaults and texts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, overload

from ._config import ModelConfig
from ._model import Model
from ._options import split
from ._stream import TextStream
from ._tokenizer import Tokenizer
from .errors import CheckpointNotFound, OptionError, TokenizerNotFound

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["WolfgangGenerator"]

_ORDERS = {
    "2026-01": ("include_prompt", "stop_tokens", "seed", "stream"),
    "2026-02": ("include_prompt", "stream", "stop_tokens", "seed"),
}

_PENALTY: dict[str, dict[str, Any]] = {
    "2026-01": {"repetition_window": 24, "penalty_scope": "context"},
    "2026-02": {"repetition_window": 48, "penalty_scope": "generated"},
}


class WolfgangGenerator:
    """The class of the original: change the import, and the same seeds give the same texts.

    :param checkpoint_path: the ``.pt`` file of the training, or any model of :meth:`Model.load`.
    :param tokenizer_path: the ``tokenizer.json``.
    :param device: ``None`` or ``"cpu"``, also as a ``torch.device``.
    :param original: which version of the original to follow. ``"2026-01"``, the default:
        ``generate`` has the defaults 0.6, 40, 0.9 and 1.2, and the penalty covers the last 24 tokens
        of prompt and text. ``"2026-02"``: 1.0, ``None``, 1.0 and 1.0, the penalty covers the last 48
        generated tokens, and ``stream`` follows ``include_prompt``.
    :param dtype: the type of the weights, see :meth:`Model.load`. Other types than ``"f32"``, that
        of the original, give other texts.
    :param threads: the number of threads, see :meth:`Model.load`.

    Control tokens in a prompt, such as ``<|user|>``, are encoded as such, as in the original. In
    :class:`Model` they are text.
    """

    def __init__(
        self,
        checkpoint_path: str | os.PathLike[str],
        tokenizer_path: str | os.PathLike[str],
        device: Any = None,
        *,
        original: Literal["2026-01", "2026-02"] = "2026-01",
        dtype: str = "f32",
        threads: int | None = None,
    ) -> None:
        if original not in _ORDERS:
            message = f"original is {original!r}, but it must be '2026-01' or '2026-02'"
            raise OptionError(message, option="original", value=repr(original))
        # In the order of the original.
        if not os.path.exists(tokenizer_path):
            path = os.fspath(tokenizer_path)
            raise TokenizerNotFound(f"No such file or directory: the tokenizer {path}", path=path)
        if not os.path.exists(checkpoint_path):
            path = os.fspath(checkpoint_path)
            raise CheckpointNotFound(f"Checkpoint not found at {path}", path=path)
        model = Model.load(
            os.path.abspath(checkpoint_path),
            tokenizer=tokenizer_path,
            device=device,
            dtype=dtype,
            threads=threads,
        )
        self._set(model, original, "cpu" if device is None else device)

    def _set(self, model: Model, original: str, device: Any) -> None:
        self.native = model
        """The :class:`Model`, for everything that the original does not have."""
        self.device = device
        self.original = original
        if original == "2026-02":
            # Its signature differs.
            self.generate = self._generate_2026_02  # type: ignore[assignment, method-assign]

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer. Control tokens in a text are encoded as such."""
        tokenizer = self.native.tokenizer
        return Tokenizer._of(tokenizer._native, True, tokenizer._path)

    @property
    def config(self) -> ModelConfig:
        """The shape of the model."""
        return self.native.config

    @overload
    def generate(
        self,
        prompt: str,
        max_new_tokens: int = ...,
        temperature: float = ...,
        top_k: int | None = ...,
        top_p: float = ...,
        repetition_penalty: float = ...,
        include_prompt: bool = ...,
        stop_tokens: Any = ...,
        seed: int | None = ...,
        stream: Literal[False] = ...,
    ) -> str: ...

    @overload
    def generate(
        self,
        prompt: str,
        max_new_tokens: int = ...,
        temperature: float = ...,
        top_k: int | None = ...,
        top_p: float = ...,
        repetition_penalty: float = ...,
        include_prompt: bool = ...,
        stop_tokens: Any = ...,
        seed: int | None = ...,
        *,
        stream: Literal[True],
    ) -> Generator[str, None, None]: ...

    @overload
    def generate(
        self,
        prompt: str,
        max_new_tokens: int = ...,
        temperature: float = ...,
        top_k: int | None = ...,
        top_p: float = ...,
        repetition_penalty: float = ...,
        include_prompt: bool = ...,
        stop_tokens: Any = ...,
        seed: int | None = ...,
        stream: bool = ...,
    ) -> str | Generator[str, None, None]: ...

    def generate(
        self,
        prompt: str,
        max_new_tokens: int = 100,
        temperature: float = 0.6,
        top_k: int | None = 40,
        top_p: float = 0.9,
        repetition_penalty: float = 1.2,
        include_prompt: bool = False,
        stop_tokens: Any = None,
        seed: int | None = None,
        stream: bool = False,
    ) -> str | Generator[str, None, None]:
        """Generates a text; with ``stream=True``, returns a generator of its pieces.

        :param max_new_tokens: maximum number of new tokens.
        :param temperature: 0 takes the most likely token.
        :param top_k: keeps the most likely tokens. ``None`` keeps all.
        :param top_p: keeps the most likely tokens up to this cumulative probability.
        :param repetition_penalty: above 1 makes the last tokens less likely.
        :param include_prompt: whether the text begins with the prompt; not in a stream.
        :param stop_tokens: ids that end the text. A ``None`` among them is ignored.
        :param seed: gives the text that the original has with this seed.
        :param stream: whether to return a generator.
        """
        return self._run(
            prompt,
            max_new_tokens,
            temperature,
            top_k,
            top_p,
            repetition_penalty,
            include_prompt,
            stop_tokens,
            seed,
            stream,
        )

    def _generate_2026_02(
        self,
        prompt: str,
        max_new_tokens: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        include_prompt: bool = False,
        stream: bool = False,
        stop_tokens: Any = None,
        seed: int | None = None,
    ) -> str | Generator[str, None, None]:
        """As ``generate``, with the order and the defaults of February 2026."""
        return self._run(
            prompt,
            max_new_tokens,
            temperature,
            top_k,
            top_p,
            repetition_penalty,
            include_prompt,
            stop_tokens,
            seed,
            stream,
        )

    def _run(
        self,
        prompt: str,
        max_new_tokens: int,
        temperature: float,
        top_k: int | None,
        top_p: float,
        repetition_penalty: float,
        include_prompt: bool,
        stop_tokens: Any,
        seed: Any,
        stream: bool,
    ) -> str | Generator[str, None, None]:
        self._check_order(stop_tokens, seed, stream)
        ids = self.tokenizer.encode(prompt).ids
        options: dict[str, Any] = {
            "max_new_tokens": max(0, max_new_tokens.__index__()),
            "temperature": temperature,
            "top_k": top_k,
            "top_p": None if top_p >= 1.0 else top_p,
            "repetition_penalty": repetition_penalty,
            **_PENALTY[self.original],
            "stop_tokens": self._stop_tokens(stop_tokens),
            # The original continues after <|endoftext|>.
            "ignore_eos": True,
            "rng": "torch",
        }
        if seed is not None:
            # torch takes negative seeds in two's complement.
            options["seed"] = int(seed) % (1 << 64)
        if stream:
            return _pieces(self.native.stream(ids, **options))
        # Not `Model.generate`, which warns of a truncated prompt.
        native, _, _ = split(options | {"include_prompt": include_prompt})
        text: str = self.native._handle().generate(ids, native, [], [])["text"]
        return _spaces(text)

    def _check_order(self, stop_tokens: Any, seed: Any, stream: Any) -> None:
        """Refuses positional arguments in the order of the other version."""
        is_wrong = (
            isinstance(stop_tokens, (bool, int))
            or isinstance(seed, (bool, list, tuple, set, frozenset, dict, range))
            or not (isinstance(stream, (bool, int)) or type(stream).__name__ == "bool_")
            or (isinstance(stream, int) and stream not in (0, 1))
        )
        if is_wrong:
            other = "2026-02" if self.original == "2026-01" else "2026-01"
            own, others = (", ".join(_ORDERS[name]) for name in (self.original, other))
            raise TypeError(
                f"after repetition_penalty the arguments are {own} "
                f"(original={self.original!r}), not {others} (original={other!r}); "
                f"found stop_tokens={stop_tokens!r}, seed={seed!r}, stream={stream!r}: "
                "use keyword arguments"
            )

    def _stop_tokens(self, stop_tokens: Any) -> list[int]:
        """The ids in any container."""
        if stop_tokens is None:
            return []
        size = self.native.config.vocab_size
        try:
            given = [id.__index__() for id in stop_tokens if hasattr(id, "__index__")]
        except TypeError:
            # A container without iteration.
            return [id for id in range(size) if id in stop_tokens]
        return [id for id in given if 0 <= id < size]

    def logits(self, ids: Any) -> Any:
        """Returns the logits of every position, see :meth:`Model.logits`."""
        return self.native.logits(ids)

    def close(self) -> None:
        """Releases the memory. Further calls raise ``Closed``."""
        self.native.close()

    def __enter__(self) -> WolfgangGenerator:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"WolfgangGenerator({self.native!r}, original={self.original!r})"

    def __copy__(self) -> WolfgangGenerator:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> WolfgangGenerator:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (type(self), self.native, self.original, str(self.device))


def _pieces(stream: TextStream) -> Generator[str, None, None]:
    with stream:
        for piece in stream:
            yield _spaces(piece)


def _spaces(text: str) -> str:
    """The original replaces the sign for a space of SentencePiece, and underscores."""
    return text.replace("\u2581", " ").replace("_", " ")


def _unpickle(
    cls: type[WolfgangGenerator], model: Model, original: str, device: str
) -> WolfgangGenerator:
    generator = object.__new__(cls)
    generator._set(model, original, device)
    return generator
