"""Results of generations and scores."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "Alternative",
    "ContinuationScore",
    "Piece",
    "Result",
    "Score",
    "ScoreAlternative",
    "Timing",
    "TokenLogprobs",
]


class Alternative(NamedTuple):
    """A token and its log-probabilities: according to the model, and after the sampling chain."""

    id: int
    model: float
    sampled: float


class ScoreAlternative(NamedTuple):
    """A token and its log-probability at a position of a scored text."""

    id: int
    logprob: float


class TokenLogprobs(NamedTuple):
    """The log-probabilities of a generated token, and those of the most likely tokens."""

    chosen: Alternative
    alternatives: list[Alternative]


class Timing(NamedTuple):
    """The time that a generation took, in seconds."""

    prefill: float
    decode: float


class Piece(NamedTuple):
    """A piece of a streamed text."""

    text: str
    """Complete characters; empty if ``ids`` have no text (yet)."""
    ids: list[int]
    logprobs: list[TokenLogprobs]
    explanations: list[dict[str, Any]]


class Score(NamedTuple):
    """Log-probabilities of a text."""

    ids: list[int]
    logprobs: list[float | None]
    """The natural logarithm of the probability of each token; ``None`` for the first token, except
    with rolling windows."""
    alternatives: list[list[ScoreAlternative]]

    @property
    def sum_logprob(self) -> float:
        """The sum over the scored tokens."""
        return sum(one for one in self.logprobs if one is not None)

    @property
    def perplexity(self) -> float | None:
        """The exponential of the negative mean, or ``None`` if no token was scored."""
        from math import exp

        scored = [one for one in self.logprobs if one is not None]
        return exp(-sum(scored) / len(scored)) if scored else None

    @classmethod
    def _of(cls, score: dict[str, Any]) -> Score:
        alternatives = [
            [ScoreAlternative(one["id"], _logarithm(one["logprob"])) for one in position]
            for position in score["alternatives"]
        ]
        return cls(score["ids"], score["logprobs"], alternatives)


class ContinuationScore(NamedTuple):
    """Log-probabilities of a continuation, given its context."""

    ids: list[int]
    logprobs: list[float]
    is_greedy: bool
    """Whether greedy decoding of the context gives this continuation."""
    truncated_tokens: int
    """Number of tokens removed at the beginning of the context."""

    @property
    def sum_logprob(self) -> float:
        """The sum over the tokens."""
        return sum(self.logprobs)

    @classmethod
    def _of(cls, score: dict[str, Any]) -> ContinuationScore:
        return cls(
            score["ids"],
            [_logarithm(one) for one in score["logprobs"]],
            score["is_greedy"],
            score["truncated_tokens"],
        )


class Result(NamedTuple):
    """The result of a generation. ``str(result)`` is its text."""

    text: str
    ids: list[int]
    reason: str
    """``max_tokens``, ``end_of_text``, ``stop_token``, ``stop_string``, ``criterion``,
    ``constraint_complete``, ``max_time``, ``context_full``, ``cancelled`` or ``error``."""
    seed: int
    """The same seed gives the same text."""
    prompt_tokens: int
    generated_tokens: int
    truncated_tokens: int
    """Number of tokens removed at the beginning of a prompt that exceeds the context."""
    cached_tokens: int
    """Number of prompt tokens that were not recomputed."""
    context_shifts: int
    """How often the context was full and its last half was computed again, with
    ``context_overflow="shift"``."""
    satisfies_constraint: bool | None
    """Whether the text satisfies its ``grammar`` as it is. ``None`` without one."""
    timing: Timing
    stop_token: int | None
    stop_string: int | None
    """Index of the stop string that ended the text."""
    criterion: int | None
    """Index of the stopping criterion that ended the text."""
    logprobs: list[TokenLogprobs]
    prompt_logprobs: Score | None
    explanations: list[dict[str, Any]]
    stop_explanation: dict[str, Any] | None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 40 else self.text[:37] + "..."
        return (
            f"Result({text!r}, reason={self.reason!r}, prompt_tokens={self.prompt_tokens}, "
            f"generated_tokens={self.generated_tokens}, seed={self.seed})"
        )

    @classmethod
    def _of(cls, summary: dict[str, Any]) -> Result:
        prompt_logprobs = summary.get("prompt_logprobs")
        timing = summary["timing"]
        return cls(
            summary["text"],
            summary["ids"],
            summary["reason"],
            summary["seed"],
            summary["prompt_tokens"],
            summary["generated_tokens"],
            summary["truncated_tokens"],
            summary["cached_tokens"],
            summary["context_shifts"],
            summary.get("satisfies_constraint"),
            Timing(timing["prefill_seconds"], timing["decode_seconds"]),
            summary.get("stop_token"),
            summary.get("stop_string"),
            summary.get("criterion"),
            token_logprobs(summary.get("logprobs")),
            None if prompt_logprobs is None else Score._of(prompt_logprobs),
            summary.get("explanations", []),
            summary.get("stop_explanation"),
        )


def token_logprobs(logprobs: list[dict[str, Any]] | None) -> list[TokenLogprobs]:
    """Converts the log-probabilities of the native module."""
    return [
        TokenLogprobs(_alternative(one), [_alternative(other) for other in one["alternatives"]])
        for one in logprobs or ()
    ]


def _alternative(one: dict[str, Any]) -> Alternative:
    return Alternative(one["id"], _logarithm(one["model"]), _logarithm(one["sampled"]))


def _logarithm(value: float | None) -> float:
    """The logarithm of 0 is ``None`` in the native module."""
    return float("-inf") if value is None else value
