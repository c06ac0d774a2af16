"""A model class for lm-evaluation-harness. Importing this module registers it as ``wolfgang``::

    import lm_eval
    import wolfgang.lm_eval

    lm_eval.simple_evaluate(model="wolfgang", model_args="pretrained=faust", tasks=[...])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.api.registry import register_model

from ._model import Model
from .errors import OptionError

__all__ = ["WolfgangLM"]

_MAX_NEW_TOKENS = 256
_LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")


@register_model("wolfgang")
class WolfgangLM(TemplateLM):  # type: ignore[misc, unused-ignore]
    """A model of this package for lm-evaluation-harness.

    Control tokens in a text are text, and chat templates are not supported.

    :param pretrained: a file, a folder, ``hf:OWNER/NAME`` or ``"faust"``, as in ``Model.load``, or
        a model, with which ``max_length``, ``batch_size``, ``device`` and ``options`` are its own.
    :param max_length: limit of the context in tokens. Default: that of the model.
    :param max_gen_toks: number of new tokens of requests that do not limit it.
    :param batch_size: number of texts that are generated at the same time.
    :param options: arguments of ``Model.load``, such as ``dtype`` and ``threads``.
    """

    def __init__(
        self,
        pretrained: str | Model = "faust",
        *,
        max_length: int | None = None,
        max_gen_toks: int = _MAX_NEW_TOKENS,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
        device: Any = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if isinstance(pretrained, Model):
            if max_length is not None or options:
                raise OptionError("arguments of Model.load need a path", option="pretrained")
            self._model = pretrained
        else:
            together = int(batch_size or 16) if str(batch_size or "").isdecimal() else 16
            self._model = Model.load(
                pretrained,
                device=device,
                context=None if max_length is None else int(max_length),
                max_running=together,
                **options,
            )
        self._max_length = int(max_length or self._model.config.block_size)
        self._max_new_tokens = int(max_gen_toks)

    @property
    def eot_token_id(self) -> int:
        """The id that ends a text, and that precedes a text without a context."""
        end = self._model.tokenizer.end_of_text
        return self._model.end_ids[0] if end is None else end

    @property
    def prefix_token_id(self) -> int:
        """The id that precedes a text without a context: BOS, if the tokenizer has it."""
        bos = self._model.tokenizer.bos_id
        return self.eot_token_id if bos is None else bos

    @property
    def max_length(self) -> int:
        """The context in tokens."""
        return self._max_length

    @property
    def max_gen_toks(self) -> int:
        """The number of new tokens of requests that do not limit it."""
        return self._max_new_tokens

    @property
    def tokenizer_name(self) -> str:
        """The path of the model, which identifies cached requests."""
        return self._model.path

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **options: Any
    ) -> list[int]:
        """Encodes a text."""
        return self._model.tokenizer.encode(string, add_special_tokens is not False).ids

    def tok_decode(self, tokens: list[int]) -> str:
        """Decodes ids."""
        return self._model.tokenizer.decode(tokens)

    def _loglikelihood_tokens(
        self,
        requests: Sequence[tuple[Any, list[int], list[int]]],
        disable_tqdm: bool = False,
        **options: Any,
    ) -> list[tuple[float, bool]]:
        """Computes the log-probability of each continuation, and whether it is the greedy one. A
        context that several requests share is computed once."""
        by_context: dict[tuple[int, ...], list[int]] = {}
        for i, (_, context, _) in enumerate(requests):
            by_context.setdefault(tuple(context), []).append(i)
        results: dict[int, tuple[float, bool]] = {}
        for shared, indices in by_context.items():
            continuations = [requests[i][2] for i in indices]
            scores = self._model.score_continuations(list(shared), continuations)
            for i, score in zip(indices, scores, strict=True):
                results[i] = score.sum_logprob, score.is_greedy
                if requests[i][0] is not None:
                    self.cache_hook.add_partial("loglikelihood", requests[i][0], results[i])
        return [results[i] for i in range(len(requests))]

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> list[float]:
        """Computes the log-probability of each text, in windows of the context."""
        results = []
        for (text,) in (request.args for request in requests):
            score = self._model.score(self.tok_encode(text), windows="rolling")
            results.append(score.sum_logprob)
            self.cache_hook.add_partial("loglikelihood_rolling", (text,), score.sum_logprob)
        return results

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
        """Generates texts up to one of the strings ``until``. Requests with equal options run in one
        batch. The seed of request *i* is ``seed + i``."""
        arguments = [request.args for request in requests]
        groups: dict[str, list[int]] = {}
        for i, (_, given) in enumerate(arguments):
            groups.setdefault(repr(sorted(given.items())), []).append(i)
        texts: dict[int, str] = {}
        for indices in groups.values():
            options = self._generation_options(arguments[indices[0]][1])
            room = self._max_length - options["max_new_tokens"]
            prompts = [self.tok_encode(arguments[i][0])[-room:] for i in indices]
            first = options.pop("seed", 0)
            seeds = [first + i for i in indices]
            results = self._model.generate_many(prompts, seeds=seeds, **options)
            for i, result in zip(indices, results, strict=True):
                texts[i] = result.text
                self.cache_hook.add_partial("generate_until", arguments[i], result.text)
        return [texts[i] for i in range(len(arguments))]

    def _generation_options(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options of a request by their names here: greedy, unless it says otherwise."""
        options = {"top_k": None, "top_p": None, "repetition_penalty": 1.0} | given
        limits = [options.pop(name, None) for name in _LIMITS]
        limit = next((int(one) for one in limits if one is not None), self._max_new_tokens)
        if not 0 < limit < self._max_length:
            message = f"{limit} new tokens do not fit into the context of {self._max_length}"
            raise OptionError(message, option="max_gen_toks", value=str(limit))
        until = options.pop("until", None) or []
        until = [until] if isinstance(until, str) else list(until)
        temperature = float(options.pop("temperature", None) or 0.0)
        if options.pop("do_sample", None) is False:
            temperature = 0.0
        return options | {
            "max_new_tokens": limit,
            "stop_strings": [one for one in until if one],
            "temperature": temperature,
        }
