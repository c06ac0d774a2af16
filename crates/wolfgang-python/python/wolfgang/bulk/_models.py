"""The models of this process: each is loaded once, for any number of callers and threads."""

from __future__ import annotations

import os
from threading import Lock

from .._model import Model
from .._source import Source

# By the representation of the source, which cannot be a key itself, and the fingerprint.
_loaded: dict[tuple[str, str], Model] = {}
_lock = Lock()


def model_of(source: Source, fingerprint: str) -> Model:
    """Returns the model of these files.

    :raises FingerprintMismatch: if the files are not those of the fingerprint.
    """
    with _lock:
        key = (repr(source), fingerprint)
        model = _loaded.get(key)
        if model is None or model.closed:
            model = Model._open(source, fingerprint)
            _loaded[key] = model
        return model


def _after_fork() -> None:
    """A thread of the parent may have held the lock. The models load themselves again."""
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
