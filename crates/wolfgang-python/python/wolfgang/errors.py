"""Exceptions of the package.

All are subclasses of :class:`WolfgangError`. Where the original raises a builtin exception, the
class is a subclass of that as well: ``except FileNotFoundError`` and ``except CheckpointError`` both
catch a missing checkpoint. All can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._result import Result

__all__ = [
    "CheckpointConfigError",
    "CheckpointEntryMissing",
    "CheckpointError",
    "CheckpointNotFound",
    "Closed",
    "DeviceError",
    "FingerprintMismatch",
    "ForkedError",
    "GenerationError",
    "HubError",
    "InternalError",
    "OptionError",
    "PromptError",
    "PromptTooLong",
    "PromptTypeError",
    "PromptWarning",
    "TokenizerError",
    "TokenizerNotFound",
    "UnknownOption",
    "VocabularyMismatch",
    "WolfgangError",
]


def _rebuild(cls: type[WolfgangError], message: str, fields: dict[str, Any]) -> WolfgangError:
    return cls(message, **fields)


class WolfgangError(Exception):
    """Base of all exceptions of this package."""

    def __init__(self, message: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        for name, value in fields.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: value for name, value in self.__dict__.items() if name != "message"}
        return _rebuild, (type(self), self.message, fields)


class CheckpointError(WolfgangError, RuntimeError):
    """A checkpoint cannot be read, or its tensors do not match its configuration."""


class CheckpointNotFound(FileNotFoundError, CheckpointError):
    """A checkpoint does not exist."""

    path: str = ""

    def __init__(self, message: str = "", **fields: Any) -> None:
        FileNotFoundError.__init__(self, message)
        WolfgangError.__init__(self, message, **fields)
        self.filename = self.path or None

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return WolfgangError.__reduce__(self)


class CheckpointEntryMissing(CheckpointError, KeyError):
    """A ``.pt`` file lacks an entry, such as ``model_config``."""

    entry: str = ""

    def __str__(self) -> str:
        return self.message


class CheckpointConfigError(CheckpointError, TypeError):
    """A field of the model's configuration has a wrong type or an unsupported value."""

    field: str = ""


class HubError(CheckpointError):
    """A model of the Hugging Face Hub cannot be downloaded."""


class FingerprintMismatch(CheckpointError):
    """The files of a pickled model have changed."""

    expected: str = ""
    found: str = ""


class TokenizerError(WolfgangError):
    """A tokenizer cannot be read, or cannot encode a text."""


class TokenizerNotFound(FileNotFoundError, TokenizerError):
    """A tokenizer does not exist."""

    path: str = ""

    def __init__(self, message: str = "", **fields: Any) -> None:
        FileNotFoundError.__init__(self, message)
        WolfgangError.__init__(self, message, **fields)
        self.filename = self.path or None

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return WolfgangError.__reduce__(self)


class VocabularyMismatch(WolfgangError, RuntimeError):
    """Tokenizer and model belong to different models."""

    tokenizer: int = 0
    model: int = 0


class DeviceError(WolfgangError, RuntimeError):
    """A device is not available, or does not support the data type."""


class OptionError(WolfgangError, ValueError):
    """An option has an invalid value."""

    option: str = ""
    value: str = ""
    rule: str = ""


class UnknownOption(WolfgangError, TypeError):
    """There is no option of this name."""

    option: str = ""


class PromptError(WolfgangError, ValueError):
    """A prompt is not valid."""


class PromptTooLong(PromptError):
    """A prompt exceeds the context, and ``prompt_truncation`` is ``"error"``."""

    tokens: int = 0
    block_size: int = 0


class PromptTypeError(PromptError, TypeError):
    """A prompt or text has a wrong type, or is a ``str`` that is not valid Unicode."""


class GenerationError(WolfgangError, RuntimeError):
    """An error ended a running generation."""

    _partial: dict[str, Any] | None = None

    @property
    def partial(self) -> Result | None:
        """The result up to the error."""
        from ._result import Result

        return None if self._partial is None else Result._of(self._partial)


class Closed(WolfgangError, RuntimeError):
    """A model, session or conversation was used after ``close``."""


class ForkedError(WolfgangError, RuntimeError):
    """A stream, session or conversation of the parent process was used after a fork."""


class InternalError(WolfgangError, RuntimeError):
    """A bug in this package."""


class PromptWarning(UserWarning):
    """A prompt exceeds the context and was truncated, or has characters the vocabulary lacks."""
