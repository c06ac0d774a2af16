"""The model class for lm-evaluation-harness."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import wolfgang

lm_eval = pytest.importorskip("lm_eval")
adapter = pytest.importorskip("wolfgang.lm_eval")

TEXT = "Habe nun, ach! Philosophie, Juristerei und Medizin"


@pytest.fixture(scope="module")
def lm(model: wolfgang.Model) -> Any:
    return adapter.WolfgangLM(model)


def requests(*arguments: tuple[Any, ...]) -> list[Any]:
    return [SimpleNamespace(args=one) for one in arguments]


def test_log_likelihoods_are_those_of_the_logits(lm: Any, model: wolfgang.Model) -> None:
    numpy = pytest.importorskip("numpy")
    pairs = [("Habe nun,", " ach!"), ("Habe nun,", " Wald"), ("", "Ach"), ("Es war ", "einmal")]
    found = lm.loglikelihood(requests(*pairs), disable_tqdm=True)
    for (context, continuation), (logprob, is_greedy) in zip(pairs, found, strict=True):
        prefix = [lm.eot_token_id] if context == "" else []
        ids = prefix + model.tokenizer.encode(context + continuation).ids
        start = len(prefix) + len(model.tokenizer.encode(context.rstrip(" ")).ids)
        logits = numpy.asarray(model.logits(ids[:-1]), dtype="float64")[start - 1 :]
        logprobs = logits - numpy.log(numpy.exp(logits).sum(1, keepdims=True))
        expected = sum(row[id] for row, id in zip(logprobs, ids[start:], strict=True))
        assert logprob == pytest.approx(expected, abs=1e-4)
        assert is_greedy == (logits.argmax(1).tolist() == ids[start:])


def test_rolling_log_likelihoods(lm: Any, model: wolfgang.Model) -> None:
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

    text = TEXT * 30
    windows = get_rolling_token_windows(
        model.tokenizer.encode(text).ids, lm.prefix_token_id, lm.max_length, 1
    )
    pairs = [(None, *make_disjoint_window(window)) for window in windows]
    assert len(pairs) > 1
    expected = sum(logprob for logprob, _ in lm._loglikelihood_tokens(pairs))
    short, long = lm.loglikelihood_rolling(requests((TEXT,), (text,)))
    assert long == pytest.approx(expected, abs=1e-3)
    assert short == model.score(TEXT, windows="rolling").sum_logprob


def test_texts_end_before_their_stop_strings(lm: Any, model: wolfgang.Model) -> None:
    greedy = {"temperature": 0, "top_k": None, "top_p": None, "repetition_penalty": 1.0}
    whole = model.generate(TEXT, max_new_tokens=20, **greedy).text
    stop = whole[5:8]
    sampled = {"temperature": 0.8, "do_sample": True, "seed": 5, "max_gen_toks": 8}
    first, second, third = lm.generate_until(
        requests(
            (TEXT, {"until": [], "max_gen_toks": 20}),
            (TEXT, sampled),
            (TEXT, {"until": stop, "max_gen_toks": 20, "do_sample": False}),
        )
    )
    assert first == whole
    assert third == whole[: whole.index(stop)]
    assert second == model.generate(
        TEXT, seed=6, max_new_tokens=8, **greedy | {"temperature": 0.8}
    ).text
    with pytest.raises(wolfgang.OptionError, match="300 new tokens"):
        lm.generate_until(requests((TEXT, {"max_gen_toks": 300})))
    with pytest.raises(wolfgang.UnknownOption, match="num_beams"):
        lm.generate_until(requests((TEXT, {"num_beams": 3, "max_gen_toks": 3})))


def test_the_harness_evaluates_a_task(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    rows = [
        {"context": "Habe nun, ach!", "choices": [" Philosophie", " Computer"], "answer": 0},
        {"context": "Wer reitet so", "choices": [" spät", " xq"], "answer": 0},
    ]
    (tmp_path / "rows.json").write_text("\n".join(map(json.dumps, rows)))
    task = {
        "task": "verses",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(tmp_path / "rows.json")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{context}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{answer}}",
        "target_delimiter": "",
        "metric_list": [{"metric": "acc"}],
    }
    results = lm_eval.simple_evaluate(
        model="wolfgang", model_args="pretrained=faust,threads=1", tasks=[task], bootstrap_iters=0
    )
    assert 0 <= results["results"]["verses"]["acc,none"] <= 1
    assert len(results["samples"]["verses"]) == 2


@pytest.mark.acceptance
def test_the_results_are_those_of_the_class_for_transformers(model: wolfgang.Model) -> None:
    """``WOLFGANG_FAUST_HF`` is the folder that
    ``wolfgang convert models/faust --to huggingface --out FOLDER`` wrote."""
    folder = os.environ.get("WOLFGANG_FAUST_HF")
    if folder is None:
        pytest.skip("WOLFGANG_FAUST_HF is not set")
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from lm_eval.models.huggingface import HFLM

    other = HFLM(pretrained=folder, device="cpu", dtype="float32", batch_size=1)
    ours = adapter.WolfgangLM(model)
    assert ours.max_length == other.max_length
    assert ours.prefix_token_id == other.prefix_token_id
    greedy = ours.generate_until(requests((TEXT, {"max_gen_toks": 20})))[0]
    pairs = [(TEXT, greedy), ("", TEXT), (f"{TEXT} ", TEXT), (TEXT * 20, TEXT), (TEXT * 30, TEXT)]
    words = TEXT.split()
    pairs += [(f"{first} ", second) for first in words for second in words]
    found = ours.loglikelihood(requests(*pairs), disable_tqdm=True)
    expected = other.loglikelihood(requests(*pairs), disable_tqdm=True)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
    assert found[0][1], "the greedy text"
    texts = [(TEXT,), (TEXT * 7,), (TEXT * 30,)]
    rolling = zip(
        ours.loglikelihood_rolling(requests(*texts)),
        other.loglikelihood_rolling(requests(*texts), disable_tqdm=True),
        strict=True,
    )
    single = [abs(a - b) for (a, _), (b, _) in zip(found, expected, strict=True)]
    whole = [abs(a - b) for a, b in rolling]
    print(f"largest differences: {max(single):.1e}; rolling {max(whole):.1e}")
    assert max(single) < 1e-3
    assert max(whole) < 1e-3
