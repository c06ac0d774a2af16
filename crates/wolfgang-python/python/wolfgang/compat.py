"""The import path of the original.

After :func:`install`, ``from wolfgang_lm.inference.generation import WolfgangGenerator`` imports the
class of this package, so that scripts of the original run unchanged.
"""

from __future__ import annotations

import sys
from types import ModuleType

from ._original import WolfgangGenerator

__all__ = ["install"]


def install(original: str = "2026-01") -> None:
    """Registers the modules ``wolfgang_lm``, ``wolfgang_lm.inference`` and
    ``wolfgang_lm.inference.generation``.

    :param original: which version of the original the class follows, see ``WolfgangGenerator``.
    """

    class Installed(WolfgangGenerator):
        def __init__(self, checkpoint_path, tokenizer_path, device=None):  # type: ignore[no-untyped-def]
            super().__init__(checkpoint_path, tokenizer_path, device, original=original)  # type: ignore[arg-type]

    Installed.__name__ = Installed.__qualname__ = "WolfgangGenerator"
    Installed.__module__ = "wolfgang_lm.inference.generation"
    parent: ModuleType | None = None
    for name in ("wolfgang_lm", "wolfgang_lm.inference", "wolfgang_lm.inference.generation"):
        module = sys.modules.get(name) or ModuleType(name, "Modules of the original, by wolfgang.")
        if name != "wolfgang_lm.inference.generation" and not hasattr(module, "__path__"):
            module.__path__ = []
        sys.modules[name] = module
        if parent is not None:
            setattr(parent, name.rpartition(".")[2], module)
        parent = module
    assert parent is not None
    parent.WolfgangGenerator = Installed  # type: ignore[attr-defined]
