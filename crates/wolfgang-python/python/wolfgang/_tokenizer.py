"""The tokenizer of a model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _wolfgang
from ._prompt import valid_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Encoding", "Tokenizer"]


class Encoding:
    """The tokens of a text: ``ids`` and ``tokens``, the text of each."""

    __slots__ = ("_tokenizer", "ids")

    ids: list[int]

    def __init__(self, ids: list[int], tokenizer: Tokenizer) -> None:
        self.ids = ids
        self._tokenizer = tokenizer

    @property
    def tokens(self) -> list[str]:
        """The text of each token; U+FFFD stands for bytes that are not complete characters."""
        return [self._tokenizer._token_text(id) for id in self.ids]

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Encoding(ids={self.ids})"


class Tokenizer:
    """A tokenizer, from ``model.tokenizer`` or :meth:`from_file`.

    It has the methods of ``tokenizers.Tokenizer`` that need no training::

        >>> import wolfgang
        >>> tokenizer = wolfgang.Model.load("faust").tokenizer
        >>> tokenizer.decode(tokenizer.encode("Habe nun, ach!").ids)
        'Habe nun, ach!'

    Threads can share it, and it can be used after a fork.
    """

    __slots__ = ("_control", "_native", "_path")

    _native: _wolfgang.Tokenizer
    _control: bool
    _path: str | None

    def __init__(self) -> None:
        raise TypeError("use Tokenizer.from_file, or the attribute tokenizer of a model")

    @classmethod
    def from_file(
        cls, path: str | os.PathLike[str], *, control_tokens: bool = False
    ) -> Tokenizer:
        """Reads a ``tokenizer.json``.

        With ``control_tokens=True``, control tokens in a text, such as ``<|user|>``, are encoded as
        such; else they are text.
        """
        native = _wolfgang.Tokenizer.from_file(os.fspath(path))
        return cls._of(native, control_tokens, os.path.abspath(path))

    @classmethod
    def _of(
        cls, native: _wolfgang.Tokenizer, control_tokens: bool, path: str | None
    ) -> Tokenizer:
        tokenizer = object.__new__(cls)
        tokenizer._native = native
        tokenizer._control = control_tokens
        tokenizer._path = path
        return tokenizer

    def encode(self, text: str, add_special_tokens: bool = True) -> Encoding:
        """Encodes a text. With ``add_special_tokens``, the ids begin with the BOS id, if there is
        one."""
        ids = self._native.encode(valid_text(text), self._control)
        bos = self._native.bos_id
        if add_special_tokens and bos is not None:
            ids.insert(0, bos)
        return Encoding(ids, self)

    def encode_batch(
        self, texts: Iterable[str], add_special_tokens: bool = True
    ) -> list[Encoding]:
        """Encodes several texts."""
        return [self.encode(text, add_special_tokens) for text in texts]

    def encode_chat(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Returns the ids of a chat in the format of the model, up to the beginning of the reply."""
        return self._native.encode_chat([dict(message) for message in messages])

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True) -> str:
        """Decodes ids. Invalid UTF-8 becomes U+FFFD; unknown ids have no text."""
        return self._native.decode(list(ids), skip_special_tokens)

    def decode_batch(
        self, sequences: Iterable[Iterable[int]], skip_special_tokens: bool = True
    ) -> list[str]:
        """Decodes several sequences of ids."""
        return [self.decode(ids, skip_special_tokens) for ids in sequences]

    def token_to_id(self, token: str) -> int | None:
        """Returns the id of a token by its text, such as ``<|endoftext|>`` or `` Wald``."""
        valid_text(token)
        control = self._native.control_id(token)
        return self._native.token_id(token) if control is None else control

    def id_to_token(self, id: int) -> str | None:
        """Returns the text of a token, or ``None`` for an unknown id."""
        return self._token_text(id) if 0 <= id < self.vocab_size else None

    def token_bytes(self, id: int) -> bytes | None:
        """Returns the bytes of a token, or ``None`` for an unknown id."""
        return self._native.token_bytes(id)

    def get_vocab_size(self, with_added_tokens: bool = True) -> int:
        """Returns the size of the vocabulary, with or without the control tokens."""
        return self.vocab_size - (0 if with_added_tokens else len(self.control_tokens))

    @property
    def vocab_size(self) -> int:
        """The largest id plus one."""
        return self._native.vocab_size

    @property
    def control_tokens(self) -> dict[str, int]:
        """The control tokens and their ids, in the order of the ids."""
        return dict(self._native.control_tokens())

    @property
    def end_of_text(self) -> int | None:
        """The id of ``<|endoftext|>``."""
        return self._native.end_of_text

    @property
    def bos_id(self) -> int | None:
        """The id with which a text begins, if there is one."""
        return self._native.bos_id

    def can_encode(self, text: str) -> bool:
        """Whether the vocabulary can represent all bytes of a text; encoding drops the others."""
        return self._native.can_encode(valid_text(text))

    def _token_text(self, id: int) -> str:
        return (self._native.token_bytes(id) or b"").decode(errors="replace")

    def __len__(self) -> int:
        return self.vocab_size

    def __repr__(self) -> str:
        return f"Tokenizer(vocab_size={self.vocab_size}, control_tokens={self._control})"

    def __copy__(self) -> Tokenizer:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tokenizer:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._path is None:
            raise TypeError("this tokenizer has no file: pickle its model instead")
        return _from_file, (self._path, self._control)


def _from_file(path: str, control_tokens: bool) -> Tokenizer:
    return Tokenizer.from_file(path, control_tokens=control_tokens)
