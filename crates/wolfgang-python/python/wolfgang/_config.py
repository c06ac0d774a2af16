"""The shape of a model."""

from __future__ import annotations

from typing import Any

__all__ = ["ModelConfig"]


class ModelConfig:
    """The shape of a model: the fields of ``config.json`` as attributes."""

    block_size: int
    vocab_size: int
    n_layer: int
    n_head: int
    n_kv_head: int
    n_embd: int
    dropout: float
    bias: bool
    multiple_of: int

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the configuration has no field {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelConfig) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"ModelConfig({fields})"
