"""Rows of tables: columns, seeds, errors and journals, without an engine."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

import wolfgang
from wolfgang import bulk

PROMPTS = ["Habe nun, ach!", "Wer reitet so spät", "Über allen Gipfeln"]
OPTIONS: dict[str, Any] = {"seed": 7, "max_new_tokens": 6}


def input_rows(n: int = 9) -> list[dict[str, Any]]:
    return [{"id": f"r{i}", "prompt": PROMPTS[i % 3] + " " * (i // 3)} for i in range(n)]


@pytest.fixture(scope="module")
def rows() -> bulk.Rows:
    return bulk.Rows(**OPTIONS)


def test_seeds_are_those_of_the_fixture() -> None:
    path = REPOSITORY / "tests" / "fixtures" / "row_seeds.json"
    cases = json.loads(path.read_text())
    assert len(cases) == 20
    for case in cases:
        key = bytes.fromhex(case["bytes"]) if "bytes" in case else case["key"]
        assert bulk.row_seed(case["run"], key) == case["seed"], case


def test_the_text_of_a_row_is_that_of_its_seed(rows: bulk.Rows, model: wolfgang.Model) -> None:
    batch = input_rows()
    results = rows(batch)
    assert [row["id"] for row in results] == [row["id"] for row in batch]
    for row in results:
        alone = model.generate(
            row["prompt"], seed=bulk.row_seed(7, row["id"]), max_new_tokens=6
        )
        assert (row["text"], row["seed"]) == (alone.text, alone.seed)
        assert (row["reason"], row["generated_tokens"]) == ("max_tokens", 6)
        assert row["prompt_tokens"] == alone.prompt_tokens
        assert (row["error"], row["error_kind"]) == ("", "")


def test_batches_and_order_change_nothing(rows: bulk.Rows) -> None:
    batch = input_rows()
    expected = rows(batch)
    assert [row for one in batch for row in rows([one])] == expected
    assert rows(batch[::-1])[::-1] == expected
    assert pickle.loads(pickle.dumps(rows))(batch[4:]) == expected[4:]
    assert len(pickle.dumps(rows)) < 2048
    assert rows([]) == []


def test_samples_are_rows_with_seeds_in_sequence() -> None:
    results = bulk.Rows(**OPTIONS, samples=3)(input_rows(2))
    assert [(row["id"], row["sample"]) for row in results] == [
        (id, sample) for id in ("r0", "r1") for sample in range(3)
    ]
    first = bulk.row_seed(7, "r0")
    assert [row["seed"] for row in results[:3]] == [first, first + 1, first + 2]
    assert results[0]["text"] == bulk.Rows(**OPTIONS)(input_rows(1))[0]["text"]


def test_other_prompts_and_columns(model: wolfgang.Model) -> None:
    ids = model.tokenizer.encode(PROMPTS[0]).ids
    messages = [{"role": "user", "content": "Wer bist du?"}]
    batch = [
        {"key": 1, "text": PROMPTS[0], "more": 1.5},
        {"key": 1, "text": ids, "more": 2.5},
        {"key": 2, "text": messages, "more": 3.5},
    ]
    made = bulk.Rows(**OPTIONS, key="key", prompt="text", prefix="new_", token_ids=True)
    text, same, chat = made(batch)
    assert text["new_text"] == same["new_text"]
    assert chat["new_text"] == model.generate(messages, seed=chat["new_seed"], max_new_tokens=6).text
    assert model.tokenizer.decode(text["new_token_ids"]) == text["new_text"]
    kept = bulk.Rows(**OPTIONS, key="key", prompt="text", keep=["more"])(batch)
    assert kept[0]["more"] == 1.5
    assert "key" not in kept[0]
    with pytest.raises(wolfgang.OptionError, match="set prefix or keep"):
        bulk.Rows(**OPTIONS, key="key", prompt="text")(batch)


def test_invalid_rows_have_their_errors_and_change_no_other(rows: bulk.Rows) -> None:
    batch = input_rows()
    expected = rows(batch)
    bad: list[tuple[Any, Any, str]] = [
        ("bad", None, "PromptTypeError"),
        ("bad", 3, "PromptTypeError"),
        ("bad", b"bytes", "PromptTypeError"),
        ("bad", "\ud800", "PromptTypeError"),
        ("bad", [10**9], "PromptError"),
        ("bad", [{"role": "x", "content": "y"}], "PromptTypeError"),
        (None, "Ach", "RowKeyError"),
        (1.5, "Ach", "RowKeyError"),
        (True, "Ach", "RowKeyError"),
        ("\ud800", "Ach", "RowKeyError"),
    ]
    mixed = [*batch[:5], *({"id": key, "prompt": prompt} for key, prompt, _ in bad), *batch[5:]]
    results = rows(mixed)
    assert results[:5] + results[-4:] == expected
    for row, (_, _, kind) in zip(results[5:-4], bad, strict=True):
        assert (row["text"], row["reason"], row["generated_tokens"]) == ("", "", 0)
        assert row["error_kind"] == kind
        assert row["error"]
    raising = bulk.Rows(**OPTIONS, on_error="raise")
    assert raising(batch) == expected
    with pytest.raises(wolfgang.PromptTypeError) as raised:
        raising(mixed[:11])
    assert raised.value.__notes__ == ["in the row with the key 'bad'"]


def test_a_prompt_that_is_too_long_is_an_error_if_truncation_is() -> None:
    batch = [{"id": 1, "prompt": "Ach " * 400}]
    (row,) = bulk.Rows(**OPTIONS)(batch)
    assert (row["error"], row["truncated_tokens"] > 0) == ("", True)
    (row,) = bulk.Rows(**OPTIONS, prompt_truncation="error")(batch)
    assert row["error_kind"] == "PromptTooLong"


@pytest.mark.parametrize(
    "options",
    [
        {"temperatur": 1},
        {"temperature": -1},
        {"stop_tokens": ["a"]},
        {"seed": -1},
        {"seed": None},
        {"samples": 0},
        {"task": "translate"},
        {"on_error": "ignore"},
        {"threads": 0},
        {"max_time": 1},
        {"logprobs": 2},
        {"stopping": print},
        {"task": "score", "top_k": 3},
        {"task": "score", "windows": "none"},
        {"task": "score", "samples": 2},
    ],
)
def test_invalid_options_are_errors_of_the_constructor(options: dict[str, Any]) -> None:
    with pytest.raises((wolfgang.OptionError, wolfgang.UnknownOption)):
        bulk.Rows(**options)


def test_scores(model: wolfgang.Model) -> None:
    made = bulk.Rows(task="score", windows="rolling", keep=["id"])
    first, empty, bad = made(
        [{"id": 1, "prompt": PROMPTS[0]}, {"id": 2, "prompt": ""}, {"id": 3, "prompt": None}]
    )
    score = model.score(PROMPTS[0], windows="rolling")
    assert first == {
        "id": 1,
        "logprob": score.sum_logprob,
        "scored_tokens": len(score.ids),
        "perplexity": score.perplexity,
        "error": "",
        "error_kind": "",
    }
    assert (empty["logprob"], empty["scored_tokens"], empty["error"]) == (0.0, 0, "")
    assert bad["error_kind"] == "PromptTypeError"


def test_pyarrow_batches_have_one_schema_with_and_without_errors(rows: bulk.Rows) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    made = bulk.Rows(**OPTIONS, samples=2, token_ids=True)
    batch = input_rows(4)
    table = pyarrow.Table.from_pylist(batch)
    assert rows(table).to_pylist() == rows(batch)
    assert made(table).to_pylist() == made(batch)
    bad = pyarrow.table({"id": table["id"], "prompt": pyarrow.nulls(4, pyarrow.string())})
    assert made(bad).schema == made(table).schema == made(table.slice(0, 0)).schema
    record_batch = made(table.to_batches()[0])
    assert isinstance(record_batch, pyarrow.RecordBatch)
    assert record_batch.to_pylist() == made(batch)
    types = {field.name: str(field.type) for field in made(table).schema}
    assert types["seed"] == types["prompt_tokens"] == "int64"
    assert types["text"] == types["error"] == "string"
    assert types["token_ids"] == "list<item: int32>"


def test_pandas_batches(rows: bulk.Rows) -> None:
    pandas = pytest.importorskip("pandas")
    batch = input_rows(4)
    frame = pandas.DataFrame(batch, index=[5, 5, 6, 7])
    assert rows(frame).to_dict("records") == rows(batch)
    assert list(rows(frame).index) == [5, 5, 6, 7]
    made = bulk.Rows(**OPTIONS, samples=2)
    assert made(frame).to_dict("records") == made(batch)
    assert list(made(frame).index) == [5, 5, 5, 5, 6, 6, 7, 7]
    assert (rows(frame[:0]).dtypes == rows(frame).dtypes).all()
    missing = rows(pandas.DataFrame({"id": [1, 2], "prompt": ["Ach", None]}))
    assert list(missing["error_kind"]) == ["", "PromptTypeError"]


def test_batches_of_columns(rows: bulk.Rows) -> None:
    numpy = pytest.importorskip("numpy")
    batch = input_rows(4)
    lists = {name: [row[name] for row in batch] for name in ("id", "prompt")}
    expected = {name: [row[name] for row in rows(batch)] for name in rows(batch)[0]}
    assert rows(lists) == expected
    arrays = rows({name: numpy.array(values) for name, values in lists.items()})
    assert {name: values.tolist() for name, values in arrays.items()} == expected
    assert arrays["seed"].dtype == "int64"
    with pytest.raises(wolfgang.OptionError, match="no column 'id'"):
        rows({"prompt": ["Ach"]})
    with pytest.raises(TypeError, match="not int"):
        rows(3)


def computed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Records the prompts that are generated from."""
    prompts: list[Any] = []
    generate_many = wolfgang.Model.generate_many

    def recorded(self: wolfgang.Model, given: list[Any], **options: Any) -> Any:
        prompts.extend(given)
        return generate_many(self, given, **options)

    monkeypatch.setattr(wolfgang.Model, "generate_many", recorded)
    return prompts


def test_a_journal_continues_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = [*input_rows(), {"id": "bad", "prompt": None}, {"id": b"\x00", "prompt": "Ach"}]
    expected = bulk.Rows(**OPTIONS, samples=2)(batch)
    prompts = computed(monkeypatch)
    options = OPTIONS | {"samples": 2, "journal": tmp_path / "run"}
    bulk.Rows(**options)(batch[:4])
    assert len(prompts) == 8
    # Another process reads the files; this one reads them again for a new object.
    again = pickle.loads(pickle.dumps(bulk.Rows(**options)))
    assert again(batch[2:8]) == expected[4:16]
    assert len(prompts) == 16
    # Other batches, another order: only the remaining rows are computed.
    assert again(batch[::-1]) == [row for i in range(11)[::-1] for row in expected[2 * i : 2 * i + 2]]
    assert len(prompts) == 16 + 6
    assert again(batch) == expected
    assert len(prompts) == 16 + 6 + 2, "only the invalid row"
    # Another prompt with the same key is another row.
    (row, _) = again([{"id": "r0", "prompt": "Nun"}])
    assert row["text"] != expected[0]["text"]
    assert [path for path in (tmp_path / "run").iterdir() if path.suffix == ".part"] == []


def test_a_journal_is_for_one_run(tmp_path: Path) -> None:
    bulk.Rows(**OPTIONS, journal=tmp_path)
    bulk.Rows(**OPTIONS, journal=tmp_path, threads=2, together=3)
    with pytest.raises(wolfgang.OptionError, match="seed is 8 and was 7"):
        bulk.Rows(**OPTIONS | {"seed": 8}, journal=tmp_path)
    with pytest.raises(wolfgang.OptionError, match="max_new_tokens"):
        bulk.Rows(**OPTIONS | {"max_new_tokens": 7}, journal=tmp_path)
    with pytest.raises(wolfgang.OptionError, match="dtype is 'int8'"):
        bulk.Rows(**OPTIONS, dtype="int8", journal=tmp_path)
    (tmp_path / "_wolfgang.json").write_text("[]")
    with pytest.raises(wolfgang.OptionError, match="not a manifest"):
        bulk.Rows(**OPTIONS, journal=tmp_path)


def test_a_deleted_journal_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = computed(monkeypatch)
    for _ in range(2):
        made = bulk.Rows(**OPTIONS, journal=tmp_path)
        made(input_rows(3))
        for path in tmp_path.iterdir():
            path.unlink()
    assert len(prompts) == 6


def test_another_model_under_the_same_path_is_an_error(tmp_path: Path) -> None:
    source = REPOSITORY / "models" / "faust"
    for path in source.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    made = bulk.Rows(tmp_path, **OPTIONS)
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    other = bulk.Rows(tmp_path, **OPTIONS)
    with pytest.raises(wolfgang.FingerprintMismatch) as raised:
        made(input_rows(1))
    assert raised.value.expected in str(raised.value)
    assert raised.value.found in str(raised.value)
    assert other(input_rows(1))[0]["error"] == ""


def test_a_worker_loads_the_model_once_and_uses_the_threads_of_the_engine(python: Any) -> None:
    script = """
import os
os.environ["OMP_NUM_THREADS"] = "1"
import pickle
from wolfgang import bulk, Model
rows = bulk.Rows(max_new_tokens=2)
opened = []
open_model = Model._open.__func__
Model._open = classmethod(lambda *a: opened.append(1) or open_model(*a))
copies = [pickle.loads(pickle.dumps(rows)) for _ in range(3)]
for one in copies:
    one([{"id": 1, "prompt": "Ach"}])
model = rows.load()
print(len(opened), model.threads)
if os.fork() == 0:
    texts = [one([{"id": 1, "prompt": "Ach"}]) for one in copies]
    os._exit(0 if len({str(one) for one in texts}) == 1 else 1)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    done = python(script)
    assert (done.stdout, done.stderr) == ("1 1\n0\n", "")


def test_the_examples_of_the_document_run(python: Any) -> None:
    text = (REPOSITORY / "docs" / "bulk.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    examples = [block for block in blocks if not block.startswith("# Not run")]
    assert len(examples) == 2
    done = python("\n".join(examples))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) >= 2
