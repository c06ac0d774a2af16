"""A plugin for the command ``llm``: the Faust model, as ``llm -m faust "Habe nun, ach!"``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import llm

if TYPE_CHECKING:
    from ._model import Model

_loaded: list[Model] = []


@llm.hookimpl  # type: ignore[untyped-decorator, misc, unused-ignore]
def register_models(register: Callable[[Any], None]) -> None:
    """Registers the model, without loading it."""
    register(Faust())


class Faust(llm.Model):  # type: ignore[misc, unused-ignore]
    """The Faust model. It continues the prompt; a conversation is one text."""

    model_id = "faust"
    can_stream = True

    class Options(llm.Options):  # type: ignore[misc, unused-ignore]
        """Options of ``Model.generate``, with its defaults."""

        max_new_tokens: int | None = None
        temperature: float | None = None
        top_k: int | None = None
        top_p: float | None = None
        repetition_penalty: float | None = None
        seed: int | None = None

    def execute(
        self, prompt: Any, stream: bool, response: Any, conversation: Any
    ) -> Iterator[str]:
        """Yields the pieces of the text."""
        if prompt.system:
            raise llm.ModelError("faust has no system prompt: it continues a text")
        text = prompt.prompt
        if conversation is not None:
            earlier = [one.prompt.prompt + one.text() for one in conversation.responses]
            text = "".join(earlier) + text
        options = {name: value for name, value in prompt.options if value is not None}
        with _model().stream(text, **options) as pieces:
            yield from pieces
            result = pieces.result
        if result is not None:
            response.set_usage(input=result.prompt_tokens, output=result.generated_tokens)
            response.response_json = {"seed": result.seed, "reason": result.reason}


def _model() -> Model:
    from ._model import Model

    if not _loaded:
        _loaded.append(Model.load())
    return _loaded[0]
