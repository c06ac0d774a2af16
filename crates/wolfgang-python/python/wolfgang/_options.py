"""Options of generations, from keyword arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _wolfgang
from .errors import OptionError, UnknownOption

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DEFAULTS: dict[str, Any] = _wolfgang.default_options()
_SAMPLING: frozenset[str] = frozenset(_DEFAULTS["sampling"])
_GENERATION: frozenset[str] = frozenset(_DEFAULTS) - {"sampling", "max_time_seconds"} | {"max_time"}
OPTION_NAMES: frozenset[str] = _SAMPLING | _GENERATION
"""The names of all options: the fields of ``GenerateOptions`` and ``SamplingParams`` in Rust."""

_CALLBACKS = ("processors", "stopping")


def _callback_list(functions: Any, name: str) -> list[Callable[..., Any]]:
    given: list[Any] = [functions] if callable(functions) else list(functions)
    for function in given:
        if not callable(function):
            raise TypeError(f"{name} must be functions, not {type(function).__name__}")
    return given


def split(
    options: dict[str, Any],
) -> tuple[dict[str, Any], list[Callable[..., Any]], list[Callable[..., Any]]]:
    """Returns the options of the native module, the processors and the stopping criteria."""
    if not options:
        return {}, [], []
    generation: dict[str, Any] = {}
    sampling: dict[str, Any] = {}
    processors: list[Callable[..., Any]] = []
    criteria: list[Callable[..., Any]] = []
    for name, value in options.items():
        if name in _SAMPLING:
            sampling[name] = _sampling_value(name, value)
        elif name in _GENERATION:
            if name == "max_time":
                seconds = value.total_seconds() if hasattr(value, "total_seconds") else value
                generation["max_time_seconds"] = seconds
            else:
                generation[name] = _generation_value(name, value)
        elif name == "processors":
            processors = [_Processor(one) for one in _callback_list(value, name)]
        elif name == "stopping":
            criteria = _callback_list(value, name)
        else:
            raise unknown(name, OPTION_NAMES.union(_CALLBACKS))
    if sampling:
        generation["sampling"] = sampling
    return generation, processors, criteria


def unknown(name: str, known: frozenset[str]) -> UnknownOption:
    """The exception for an unknown keyword argument."""
    from difflib import get_close_matches

    nearest = get_close_matches(name, known, n=1)
    hint = f": did you mean {nearest[0]}?" if nearest else ""
    return UnknownOption(f"there is no option {name}{hint}", option=name)


def _sampling_value(name: str, value: Any) -> Any:
    if name == "logit_bias" and hasattr(value, "items"):
        return [[id, bias] for id, bias in value.items()]
    if name in ("allowed_tokens", "banned_tokens", "end_tokens") and value is not None:
        return _ids(name, value)
    return value


def _generation_value(name: str, value: Any) -> Any:
    if name == "stop_tokens":
        return _ids(name, value)
    if name == "stop_strings":
        return [value] if isinstance(value, str) else list(value)
    if name == "seed" and value is not None and not isinstance(value, int):
        return _int(name, value)
    return value


def _ids(name: str, value: Any) -> list[int]:
    return [_int(name, id) for id in value]


def _int(name: str, value: Any) -> int:
    try:
        return value.__index__()  # type: ignore[no-any-return]
    except AttributeError:
        raise OptionError(
            f"{name}: {value!r} is not an integer", option=name, value=repr(value)
        ) from None


class _Processor:
    """A logits processor that gets the logits as a writable ``memoryview`` of floats."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Sequence[int], Sequence[int], Any], Any]) -> None:
        self.function = function

    def __call__(self, prompt: list[int], generated: list[int], logits: bytearray) -> None:
        self.function(prompt, generated, memoryview(logits).cast("f"))
