"""Prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from .errors import PromptTypeError

if TYPE_CHECKING:
    import numpy.typing

__all__ = ["Prompt", "checked_prompt", "valid_text"]

Prompt: TypeAlias = Union[
    str, Sequence[int], Sequence[Mapping[str, str]], "numpy.typing.NDArray[Any]"
]
"""A text, token ids, or messages with ``role`` and ``content``."""


def checked_prompt(prompt: Any) -> Any:
    """Returns a prompt that the native module accepts. Ids can be any sequence or array of
    integers."""
    if isinstance(prompt, str):
        return valid_text(prompt)
    if hasattr(prompt, "tolist"):
        prompt = prompt.tolist()
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], Mapping):
        return [dict(message) for message in prompt]
    if isinstance(prompt, (tuple, range)):
        return list(prompt)
    return prompt


def valid_text(text: object) -> str:
    """Returns a text that the native module accepts."""
    if not isinstance(text, str):
        found = type(text).__name__
        raise PromptTypeError(f"TextInputSequence must be str, not {found}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PromptTypeError(
            f"TextInputSequence must be str without lone surrogates: {error}"
        ) from None
    return text
