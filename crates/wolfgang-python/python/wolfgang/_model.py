"""The model."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from . import _wolfgang
from ._config import ModelConfig
from ._options import split
from ._prompt import checked_prompt, valid_text
from ._result import ContinuationScore, Result, Score
from ._session import Conversation, Session
from ._source import (
    FAUST,
    HUB_PREFIX,
    Files,
    Source,
    device_name,
    files_of,
    fingerprint_of,
    threads_of,
)
from ._stream import AsyncTextStream, TextStream, run
from ._tokenizer import Tokenizer
from .errors import Closed, FingerprintMismatch, OptionError, PromptWarning

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy
    import numpy.typing

    from ._prompt import Prompt

__all__ = ["Model"]


class Model:
    """A language model with its tokenizer::

        >>> import wolfgang
        >>> model = wolfgang.Model.load("faust")
        >>> result = model.generate("Habe nun, ach!", max_new_tokens=12, seed=1)
        >>> result.reason, result.generated_tokens
        ('max_tokens', 12)

    Threads can share a model: their generations run in one batch. In a child process after a fork,
    the first use loads the model again. A model can be pickled if it was loaded from files; the
    pickle contains the paths and a fingerprint of the files, not the weights.
    """

    _native: _wolfgang.Model
    _pid: int
    _source: Source
    _files: Files
    _properties: dict[str, Any]
    _closed: bool
    _fingerprint: str | None
    _tokenizer: _wolfgang.Tokenizer
    _dependents: WeakSet[Session | Conversation]

    def __init__(self) -> None:
        raise TypeError("use Model.load")

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] = FAUST,
        *,
        tokenizer: str | os.PathLike[str] | None = None,
        device: Any = None,
        dtype: str = "f32",
        cache_dtype: str | None = None,
        threads: int | None = None,
        context: int | None = None,
        chat_date: tuple[int, int, int] | None = None,
        max_running: int = 16,
        max_prefill_rows: int | None = 16,
        prefix_cache_bytes: int = 0,
    ) -> Model:
        """Loads a model.

        :param source: a ``.pt`` or GGUF file, a folder, ``hf:OWNER/NAME[@REVISION]``, or ``"faust"``
            for the small model in this package. A file or folder with that name is ``./faust``.
        :param tokenizer: the ``tokenizer.json``. Default: the model's own.
        :param device: ``"cpu"``, or ``None`` for the fastest one of this build.
        :param dtype: ``"f32"``, ``"f16"``, ``"bf16"``, ``"int8"`` or ``"int4"``: the type of the weights.
        :param cache_dtype: ``"f32"`` or ``"f16"``: the type of the KV cache. Default: f32 for
            weights in f32, else f16.
        :param threads: number of threads. Default: ``WOLFGANG_THREADS``, else ``OMP_NUM_THREADS``,
            else one per core.
        :param context: limit of the context in tokens. Default: that of the model.
        :param chat_date: year, month and day for chat templates that contain the date.
        :param max_running: number of generations that run in one batch; others wait.
        :param max_prefill_rows: number of prompt tokens in a forward pass with decoding generations.
        :param prefix_cache_bytes: size of the cache of earlier prompts. Default: 0, off.
        """
        name = os.fspath(source)
        if name != FAUST and not name.startswith(HUB_PREFIX):
            name = os.path.abspath(name)
        return cls._open(
            Source(
                name,
                None if tokenizer is None else os.path.abspath(tokenizer),
                device_name(device),
                dtype,
                cache_dtype,
                threads_of(threads),
                context,
                chat_date,
                {
                    "max_running": max_running,
                    "max_queued": 1 << 40,
                    "max_prefill_rows": max_prefill_rows,
                    "prefix_cache_bytes": prefix_cache_bytes,
                },
            )
        )

    @classmethod
    def _open(cls, source: Source, fingerprint: str | None = None) -> Model:
        model = object.__new__(cls)
        model._source = source
        model._closed = False
        model._fingerprint = None
        model._dependents = WeakSet()
        model._native = _wolfgang.Model.open(source.recipe())
        model._pid = os.getpid()
        model._properties = model._native.properties()
        model._tokenizer = model._native.tokenizer()
        properties = model._properties
        model._files = files_of(properties["checkpoint"], properties["tokenizer"])
        if fingerprint is not None and model.fingerprint != fingerprint:
            message = (
                f"the files of {source.source} have changed: their fingerprint is "
                f"{model.fingerprint}, but that of the pickled model is {fingerprint}"
            )
            raise FingerprintMismatch(message, expected=fingerprint, found=model.fingerprint)
        return model

    def _handle(self) -> _wolfgang.Model:
        """The native model of this process."""
        if self._closed:
            raise Closed("the model was closed")
        if self._pid != os.getpid():
            self._reopen()
        return self._native

    def _reopen(self) -> None:
        """Loads the model again, in a child process: its threads exist only in the parent."""
        properties = self._properties
        changed = [
            path
            for path, size, time in self._files
            if not os.path.isfile(path)
            or (os.stat(path).st_size, os.stat(path).st_mtime_ns) != (size, time)
        ]
        if changed:
            raise FingerprintMismatch(f"{changed[0]} has changed since the model was loaded")
        recipe = self._source.recipe()
        if recipe["hub"] is not None:
            recipe |= {"source": properties["checkpoint"], "tokenizer": properties["tokenizer"]}
        self._native = _wolfgang.Model.open(recipe)
        self._pid = os.getpid()

    # Generation

    def generate(self, prompt: Prompt, **options: Any) -> Result:
        """Generates a text and returns a :class:`Result`.

        Options are the fields of ``GenerateOptions`` and ``SamplingParams`` of the Rust library by
        their names: ``max_new_tokens``, ``temperature``, ``top_k``, ``seed``, ``stop_strings``,
        ``logprobs``, ``explain`` and so on; ``docs/parity.md`` lists them. In addition:

        - ``processors``: functions of the prompt's ids, the generated ids and the logits, a
          writable ``memoryview`` of floats, which they change;
        - ``stopping``: functions of the prompt's ids, the generated ids and the text, which return
          whether to stop.
        """
        summary = self._handle().generate(checked_prompt(prompt), *split(options))
        result = Result._of(summary)
        if result.truncated_tokens:
            _warn_truncated(result)
        return result

    def stream(self, prompt: Prompt, **options: Any) -> TextStream:
        """Returns an iterator of the pieces of a text; options are those of :meth:`generate`."""
        return TextStream(self._handle().stream(checked_prompt(prompt), *split(options)))

    def generate_many(
        self,
        prompts: Iterable[Prompt],
        *,
        seeds: Iterable[int | None] | None = None,
        return_exceptions: bool = False,
        **options: Any,
    ) -> list[Result]:
        """Generates the texts of several prompts in one batch, several times as fast as one after
        the other. Each text is the one that :meth:`generate` returns.

        :param seeds: the seed of each prompt. Default: ``seed`` for all.
        :param return_exceptions: whether to return the exception of a prompt in place of its result.
        """
        prompts = list(prompts)
        native, processors, criteria = split(options)
        if processors or criteria:
            raise OptionError("generate_many has no callbacks: call generate", option="processors")
        each: list[dict[str, Any]] = [native] * len(prompts)
        if seeds is not None:
            given = list(seeds)
            if len(given) != len(prompts):
                message = f"there are {len(given)} seeds for {len(prompts)} prompts"
                raise OptionError(message, option="seeds")
            each = [native | {"seed": seed} for seed in given]
        valid: list[tuple[Any, dict[str, Any]]] = []
        outcomes: list[Any] = []
        for prompt, one in zip(prompts, each, strict=True):
            try:
                valid.append((checked_prompt(prompt), one))
                outcomes.append(None)
            except Exception as error:
                outcomes.append(error)
        results = iter(self._handle().generate_many(valid))
        outcomes = [next(results) if one is None else one for one in outcomes]
        outcomes = [one if isinstance(one, Exception) else Result._of(one) for one in outcomes]
        if not return_exceptions:
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
        return outcomes

    def generate_n(self, prompt: Prompt, n: int, **options: Any) -> list[Result]:
        """Generates ``n`` texts from one prompt, which is computed once. Their seeds are ``seed``,
        ``seed + 1`` and so on."""
        seed = options.pop("seed", None)
        first = int.from_bytes(os.urandom(8), "little") >> 12 if seed is None else int(seed)
        seeds = [(first + i) % (1 << 64) for i in range(n)]
        return self.generate_many([prompt] * n, seeds=seeds, **options)

    async def agenerate(self, prompt: Prompt, **options: Any) -> Result:
        """As :meth:`generate`, without blocking the event loop. If the task is cancelled, so is the
        generation."""
        stream = self.stream(prompt, **options)
        result: Result = await run(_finish, stream, cancel=stream.close)
        return result

    def astream(self, prompt: Prompt, **options: Any) -> AsyncTextStream:
        """As :meth:`stream`: an asynchronous iterator."""
        return AsyncTextStream(self.stream(prompt, **options))

    def session(self) -> Session:
        """Returns a session, which keeps the KV cache between generations."""
        return Session(self, self._handle().session())

    def conversation(self, system: str = "") -> Conversation:
        """Returns a conversation with this system prompt."""
        return Conversation(self, self._handle().conversation(valid_text(system)))

    # Scores

    def score(self, text: Prompt, *, windows: str = "overlapping", alternatives: int = 0) -> Score:
        """Computes the log-probabilities of a text.

        :param windows: how a text that exceeds the context is divided: ``"overlapping"`` (by half),
            or ``"rolling"``, the windows of lm-evaluation-harness, where the first token is scored,
            too.
        :param alternatives: number of the most likely tokens returned for each position.
        """
        options = {"windows": windows, "alternatives": alternatives}
        return Score._of(self._handle().score(checked_prompt(text), options))

    def score_continuations(
        self, context: Prompt, continuations: Iterable[Prompt]
    ) -> list[ContinuationScore]:
        """Computes the log-probabilities of continuations of a context, as ``loglikelihood`` of
        lm-evaluation-harness does. The context is computed once."""
        native = [checked_prompt(one) for one in continuations]
        scores = self._handle().score_continuations(checked_prompt(context), native)
        return [ContinuationScore._of(score) for score in scores]

    def loglikelihood(self, context: Prompt, continuation: Prompt) -> tuple[float, bool]:
        """Returns the log-probability of a continuation, and whether it is the greedy one."""
        (score,) = self.score_continuations(context, [continuation])
        return score.sum_logprob, score.is_greedy

    def logits(self, ids: Prompt) -> numpy.typing.NDArray[numpy.float32]:
        """Returns the logits of every position, ``[n, vocab_size]``: a read-only numpy array that
        shares the memory of the native module. ``ids`` are token ids or a text."""
        try:
            import numpy
        except ImportError as error:
            raise ImportError("logits needs numpy; logits_buffer does not") from error
        return numpy.asarray(self.logits_buffer(ids))

    def logits_buffer(self, ids: Prompt) -> _wolfgang.Logits:
        """As :meth:`logits`, without numpy: an object for ``memoryview``."""
        if isinstance(ids, str):
            ids = self.tokenizer.encode(ids).ids
        return self._handle().logits(ids)

    # Properties

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer. Control tokens in a text are text."""
        path = self._properties["tokenizer"]
        return Tokenizer._of(self._tokenizer, False, None if path is None else str(path))

    @property
    def config(self) -> ModelConfig:
        """The shape of the model."""
        return ModelConfig(self._properties["config"])

    @property
    def dtype(self) -> str:
        """The type of the weights."""
        return str(self._properties["dtype"])

    @property
    def device(self) -> str:
        """The device."""
        return "cpu" if self.threads is not None else self._source.device

    @property
    def threads(self) -> int | None:
        """The number of threads."""
        threads: int | None = self._properties["threads"]
        return threads

    @property
    def n_parameters(self) -> int:
        """The number of parameters."""
        return int(self._properties["n_parameters"])

    @property
    def weight_bytes(self) -> int:
        """The size of the weights in memory."""
        return int(self._properties["weight_bytes"])

    @property
    def end_ids(self) -> list[int]:
        """The ids that end a text."""
        return list(self._properties["end_ids"])

    @property
    def path(self) -> str:
        """The file or folder of the model, or ``"faust"``."""
        return self._source.source

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the names and contents of the model's files; that of the bundled model is
        its name and the version of this package."""
        if self._fingerprint is None:
            if self._source.source == FAUST:
                self._fingerprint = f"{FAUST}-{_wolfgang.__version__}"
            else:
                self._fingerprint = fingerprint_of(self._files)
        return self._fingerprint

    # Lifetime

    def close(self) -> None:
        """Cancels running generations and releases the memory. Further calls raise ``Closed``."""
        self._closed = True
        if self._pid != os.getpid():
            # Everything belongs to the parent process.
            return
        for dependent in list(self._dependents):
            dependent.close()
        self._native.close()

    @property
    def closed(self) -> bool:
        """Whether the model was closed."""
        return self._closed

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"Model({self.path!r}, parameters={self.n_parameters}, dtype={self.dtype!r}, "
            f"threads={self.threads}, device={self.device!r})"
        )

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (type(self), self._source, self.fingerprint)


def _finish(stream: TextStream) -> Result:
    from ._session import finish

    return finish(stream)


def _warn_truncated(result: Result) -> None:
    warnings.warn(
        f"the prompt has {result.prompt_tokens} tokens, more than the context: the first "
        f"{result.truncated_tokens} were truncated (prompt_truncation='error' refuses such prompts)",
        PromptWarning,
        stacklevel=3,
    )


def _unpickle(cls: type[Model], source: Source, fingerprint: str) -> Model:
    return cls._open(source, fingerprint)
