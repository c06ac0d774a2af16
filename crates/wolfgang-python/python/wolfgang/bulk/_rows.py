"""The function of a batch of rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import _wolfgang
from .._model import Model
from .._options import split
from .._result import Result, Score
from .._source import FAUST, threads_of
from ..errors import OptionError, PromptError, TokenizerError, WolfgangError
from ._batch import FLOAT, INTEGER, INTEGERS, STRING, Column, column, column_names, with_columns
from ._journal import Journal, check_manifest, journal_of, row_id
from ._models import model_of
from ._seed import row_seed

_GENERATED = {
    "text": STRING,
    "reason": STRING,
    "seed": INTEGER,
    "prompt_tokens": INTEGER,
    "generated_tokens": INTEGER,
    "truncated_tokens": INTEGER,
}
_SCORED = {"logprob": FLOAT, "scored_tokens": INTEGER, "perplexity": FLOAT}
_ERROR = {"error": STRING, "error_kind": STRING}
_EMPTY: dict[str, Any] = {STRING: "", INTEGER: 0, FLOAT: float("nan"), INTEGERS: []}

_REFUSED = {
    "seed": "seeds are derived from the keys of the rows",
    "max_time": "a time limit makes the texts depend on the machine",
    "logprobs": "no column has the log-probabilities",
    "prompt_logprobs": "no column has the log-probabilities",
    "explain": "no column has the explanations",
}


class RowKeyError(WolfgangError, ValueError):
    """The key of a row is not valid."""


_ROW_ERRORS = (RowKeyError, PromptError, TokenizerError, OptionError)
"""Errors that concern one row. Others end the work."""


class Rows:
    """Generates texts, or computes scores, for a batch of rows.

    A batch is a pyarrow ``Table`` or ``RecordBatch``, a pandas ``DataFrame``, a dictionary of
    columns or a list of dictionaries; the result has the same format, the same order, the columns of
    the batch, and those that ``docs/bulk.md`` lists.

    The constructor loads the model for a moment, to check it and the options. The pickle contains a
    path and a fingerprint of the model, not its weights. The model is loaded once in each process,
    at the first batch.

    :param model: a file, a folder, ``hf:OWNER/NAME`` or ``"faust"``, as in ``Model.load``. Each
        worker must find the same files at the same path.
    :param task: ``"generate"`` or ``"score"``.
    :param key: the column with the key of a row: strings, integers or bytes.
    :param prompt: the column with the prompt: strings, lists of token ids, or lists of messages.
    :param seed: the seed of the run; with the key of a row, it gives the seed of the row.
    :param samples: the number of texts for each row. Each has a row of the result.
    :param keep: the columns of the batch in the result. Default: all.
    :param prefix: begins the names of the result's columns, if the batch has columns of the same
        names.
    :param token_ids: whether the result has a column ``token_ids``.
    :param journal: a folder in which finished rows are saved, so that an interrupted run can be
        continued. All workers must see it.
    :param on_error: ``"column"``, or ``"raise"`` to raise the error of a row.
    :param threads: the number of threads in each process. Default: ``WOLFGANG_THREADS``, else
        ``OMP_NUM_THREADS``, which engines set, else 1.
    :param together: the number of texts that are generated at the same time in each process.
    :param options: options of ``Model.generate``; for scores, ``windows`` of ``Model.score``.
    :raises OptionError: if an option is not valid, or if the journal belongs to another run.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = FAUST,
        *,
        task: str = "generate",
        key: str = "id",
        prompt: str = "prompt",
        seed: int = 0,
        samples: int = 1,
        keep: Sequence[str] | None = None,
        prefix: str = "",
        token_ids: bool = False,
        journal: str | os.PathLike[str] | None = None,
        on_error: str = "column",
        threads: int | None = None,
        together: int = 16,
        tokenizer: str | os.PathLike[str] | None = None,
        device: Any = None,
        dtype: str = "f32",
        cache_dtype: str | None = None,
        context: int | None = None,
        chat_date: tuple[int, int, int] | None = None,
        **options: Any,
    ) -> None:
        _check("task", task, ("generate", "score"))
        _check("on_error", on_error, ("column", "raise"))
        _check_integer("seed", seed, 0, (1 << 64) - 1)
        _check_integer("samples", samples, 1, 1 << 20)
        self._task = task
        self._key = key
        self._prompt = prompt
        self._seed = seed
        self._samples = samples
        self._keep = None if keep is None else list(keep)
        self._prefix = prefix
        self._token_ids = token_ids
        self._raises = on_error == "raise"
        self._threads = None if threads is None else threads_of(threads)
        self._options = options
        with Model.load(
            model,
            tokenizer=tokenizer,
            device=device,
            dtype=dtype,
            cache_dtype=cache_dtype,
            threads=threads or 1,
            context=context,
            chat_date=chat_date,
            max_running=together,
        ) as loaded:
            self._source = loaded._source
            self._fingerprint = loaded.fingerprint
            self._check_options(loaded)
        self._folder = None if journal is None else Path(journal).absolute()
        self._journal: Journal | None = None
        if self._folder is not None:
            check_manifest(self._folder, self._manifest(), _wolfgang.__version__)

    def _check_options(self, model: Model) -> None:
        for name, reason in _REFUSED.items():
            if name in self._options:
                raise OptionError(f"{name} is not an option here: {reason}", option=name)
        if self._task == "generate":
            if any(name in self._options for name in ("processors", "stopping")):
                raise OptionError("functions are not options of rows", option="processors")
            model.stream("", seed=0, **self._options).close()
            return
        if set(self._options) - {"windows"} or self._samples != 1 or self._token_ids:
            message = "scores have the option windows only"
            raise OptionError(message, option=", ".join(self._options))
        model.score([0], **self._options)

    def _manifest(self) -> dict[str, Any]:
        """What the results depend on, apart from the rows."""
        source = self._source
        options = self._options if self._task == "score" else split(self._options)[0]
        return {
            "task": self._task,
            "model": self._fingerprint,
            "dtype": source.dtype,
            "cache_dtype": source.cache_dtype,
            "device": source.device,
            "context": source.context,
            "chat_date": source.chat_date,
            "seed": self._seed,
            "samples": self._samples,
            "token_ids": self._token_ids,
            "options": options,
        }

    @property
    def threads(self) -> int | None:
        """The number of threads in each process, or ``None`` for the number that the engine sets."""
        return self._threads

    @property
    def columns(self) -> dict[str, str]:
        """The names of the result's own columns and their types in Arrow."""
        return {self._prefix + name: type for name, type in self._columns.items()}

    @property
    def _columns(self) -> dict[str, str]:
        """The columns without the prefix."""
        columns = _SCORED if self._task == "score" else _GENERATED
        if self._token_ids:
            columns = columns | {"token_ids": INTEGERS}
        if self._samples > 1:
            columns = {"sample": INTEGER} | columns
        return columns | _ERROR

    def kept(self, names: Sequence[str]) -> list[str]:
        """The names of those columns of a batch that the result has.

        :raises OptionError: if one has the name of a result column.
        """
        kept = list(names) if self._keep is None else self._keep
        for name in kept:
            if name in self.columns:
                message = f"the rows have a column {name!r}, as the result: set prefix or keep"
                raise OptionError(message, option="prefix", value=self._prefix)
        return kept

    def load(self) -> Model:
        """Returns the model of this process, and loads it if it is not loaded.

        :raises FingerprintMismatch: if its files are not those that the constructor found.
        """
        threads = self._threads or threads_of(None) or 1
        return model_of(self._source._replace(threads=threads), self._fingerprint)

    def __call__(self, batch: Any) -> Any:
        """Returns the batch with the results."""
        keep = self.kept(column_names(batch))
        results = self._results(column(batch, self._key), column(batch, self._prompt))
        columns = [
            Column(name, type, [row[i] for row in results])
            for i, (name, type) in enumerate(self.columns.items())
        ]
        return with_columns(batch, keep, self._samples, columns)

    def _results(self, keys: list[Any], prompts: list[Any]) -> list[list[Any]]:
        """The values of the columns for each row, ``[rows · samples][columns]``."""
        results: dict[int, list[list[Any]]] = {}
        ids: dict[int, str] = {}
        for i, (key, prompt) in enumerate(zip(keys, prompts, strict=True)):
            try:
                _check_key(key)
                ids[i] = "" if self._folder is None else row_id(key, prompt)
            except RowKeyError as error:
                results[i] = [self._failed(key, 0, error)] * self._samples
            except TypeError:
                # The prompt is not of a type that JSON has: the model says so.
                ids[i] = ""
        journal = self._opened_journal()
        batch = [id for id in ids.values() if id]
        if journal is not None:
            found = journal.find(batch)
            results |= {i: found[id] for i, id in ids.items() if id in found}
        missing = [i for i in ids if i not in results]
        if missing:
            compute = self._generate if self._task == "generate" else self._score
            computed = compute([keys[i] for i in missing], [prompts[i] for i in missing])
            results |= dict(zip(missing, computed, strict=True))
            if journal is not None:
                # Rows with an error cost nothing, and are computed again.
                of_batch = {id: results[i] for i, id in ids.items() if id}
                done = {id: rows for id, rows in of_batch.items() if not rows[0][-1]}
                if done:
                    journal.save(batch, done)
        return [row for i in range(len(keys)) for row in results[i]]

    def _opened_journal(self) -> Journal | None:
        if self._journal is None and self._folder is not None:
            self._journal = journal_of(self._folder)
        return self._journal

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_journal": None}

    def _generate(self, keys: list[Any], prompts: list[Any]) -> list[list[list[Any]]]:
        seeds = [row_seed(self._seed, key) + n for key in keys for n in range(self._samples)]
        repeated = [prompt for prompt in prompts for _ in range(self._samples)]
        outcomes: list[Any] = self.load().generate_many(
            repeated, seeds=seeds, return_exceptions=True, **self._options
        )
        rows = []
        for i, outcome in enumerate(outcomes):
            key, sample = keys[i // self._samples], i % self._samples
            if isinstance(outcome, Exception):
                rows.append(self._failed(key, sample, outcome))
            else:
                rows.append(self._row(sample, _generated(outcome)))
        return [rows[i : i + self._samples] for i in range(0, len(rows), self._samples)]

    def _score(self, keys: list[Any], prompts: list[Any]) -> list[list[list[Any]]]:
        model = self.load()
        rows = []
        for key, prompt in zip(keys, prompts, strict=True):
            try:
                rows.append([self._row(0, _scored(model.score(prompt, **self._options)))])
            except _ROW_ERRORS as error:
                rows.append([self._failed(key, 0, error)])
        return rows

    def _failed(self, key: Any, sample: int, error: Exception) -> list[Any]:
        """The row of an error.

        :raises Exception: the error itself, if it concerns more than the row.
        """
        if self._raises or not isinstance(error, _ROW_ERRORS):
            error.add_note(f"in the row with the key {key!r}")
            raise error
        values: dict[str, Any] = {"error": str(error), "error_kind": type(error).__name__}
        if self._task == "generate" and not isinstance(error, RowKeyError):
            values["seed"] = row_seed(self._seed, key) + sample
        return self._row(sample, values)

    def _row(self, sample: int, values: dict[str, Any]) -> list[Any]:
        values["sample"] = sample
        return [values.get(name, _EMPTY[type]) for name, type in self._columns.items()]

    def __repr__(self) -> str:
        return (
            f"Rows({self._source.source!r}, task={self._task!r}, key={self._key!r}, "
            f"prompt={self._prompt!r}, seed={self._seed})"
        )


def _generated(result: Result) -> dict[str, Any]:
    values = {name: getattr(result, name) for name in _GENERATED}
    return values | {"token_ids": result.ids}


def _scored(score: Score) -> dict[str, Any]:
    scored = sum(one is not None for one in score.logprobs)
    values = {"logprob": float(score.sum_logprob), "scored_tokens": scored}
    perplexity = score.perplexity
    return values if perplexity is None else values | {"perplexity": perplexity}


def _check_key(key: Any) -> None:
    if isinstance(key, bool) or not isinstance(key, (str, int, bytes)):
        found = "missing" if key is None else f"{key!r}, a {type(key).__name__}"
        raise RowKeyError(f"the key is {found}, but it must be a string, an integer or bytes")
    if isinstance(key, str):
        try:
            key.encode()
        except UnicodeEncodeError:
            raise RowKeyError(f"the key {key!r} has a lone surrogate") from None


def _check(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        message = f"{name} is {value!r}, but it must be one of {', '.join(map(repr, allowed))}"
        raise OptionError(message, option=name, value=repr(value))


def _check_integer(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        message = f"{name} is {value!r}, but it must be an integer from {least} to {most}"
        raise OptionError(message, option=name, value=repr(value))
