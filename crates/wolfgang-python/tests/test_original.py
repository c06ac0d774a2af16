"""The class of the original."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
from conftest import FAUST, REPOSITORY

import wolfgang
from wolfgang import WolfgangGenerator

OPTIONS = ("max_new_tokens", "temperature", "top_k", "top_p", "repetition_penalty", "seed")


@pytest.fixture(scope="module")
def later() -> WolfgangGenerator:
    return WolfgangGenerator(FAUST, FAUST / "tokenizer.json", threads=1, original="2026-02")


def parameters(generator: WolfgangGenerator) -> dict[str, Any]:
    signature = inspect.signature(generator.generate)
    return {name: one.default for name, one in signature.parameters.items()}


def test_seeds_give_the_texts_of_the_original(
    generator: WolfgangGenerator, seeded: list[dict[str, Any]]
) -> None:
    assert len(seeded) == 24
    for run in seeded:
        options = {name: run[name] for name in OPTIONS}
        assert generator.generate(run["prompt"], **options) == run["text"]
        pieces = list(generator.generate(run["prompt"], stream=True, **options))
        assert "".join(pieces) == run["text"]
        assert all(pieces)


def test_seeds_give_the_ids_of_the_original(
    generator: WolfgangGenerator, seeded: list[dict[str, Any]]
) -> None:
    for run in seeded[::3]:
        options = {name: run[name] for name in OPTIONS}
        assert generator.tokenizer.encode(run["prompt"]).ids == run["prompt_ids"]
        result = generator.native.generate(
            run["prompt_ids"], rng="torch", ignore_eos=True, **options
        )
        assert result.ids == run["new_ids"]


def test_the_signature_is_that_of_january_2026(generator: WolfgangGenerator) -> None:
    assert parameters(generator) == {
        "prompt": inspect.Parameter.empty,
        "max_new_tokens": 100,
        "temperature": 0.6,
        "top_k": 40,
        "top_p": 0.9,
        "repetition_penalty": 1.2,
        "include_prompt": False,
        "stop_tokens": None,
        "seed": None,
        "stream": False,
    }
    assert list(parameters(generator)) == [
        "prompt",
        "max_new_tokens",
        "temperature",
        "top_k",
        "top_p",
        "repetition_penalty",
        "include_prompt",
        "stop_tokens",
        "seed",
        "stream",
    ]


def test_the_signature_of_february_2026_can_be_selected(later: WolfgangGenerator) -> None:
    assert list(parameters(later).items()) == [
        ("prompt", inspect.Parameter.empty),
        ("max_new_tokens", 100),
        ("temperature", 1.0),
        ("top_k", None),
        ("top_p", 1.0),
        ("repetition_penalty", 1.0),
        ("include_prompt", False),
        ("stream", False),
        ("stop_tokens", None),
        ("seed", None),
    ]


def test_the_constructor_has_the_arguments_of_the_original() -> None:
    names = list(inspect.signature(WolfgangGenerator).parameters)
    assert names[:3] == ["checkpoint_path", "tokenizer_path", "device"]
    with pytest.raises(wolfgang.OptionError, match="2026-01"):
        WolfgangGenerator(FAUST, FAUST / "tokenizer.json", original="2025")  # type: ignore[arg-type]


def test_the_later_penalty_covers_generated_ids_only(
    generator: WolfgangGenerator, later: WolfgangGenerator
) -> None:
    options: dict[str, Any] = {"max_new_tokens": 60, "temperature": 0.5, "top_k": 15, "seed": 3}
    text = later.generate("Habe nun, ach!", top_p=0.8, repetition_penalty=1.1, **options)
    ids = later.tokenizer.encode("Habe nun, ach!").ids
    expected = later.native.generate(
        ids,
        top_p=0.8,
        repetition_penalty=1.1,
        repetition_window=48,
        penalty_scope="generated",
        rng="torch",
        ignore_eos=True,
        **options,
    )
    assert text == expected.text
    assert text != generator.generate("Habe nun, ach!", top_p=0.8, repetition_penalty=1.1, **options)


def test_positional_arguments_of_the_other_version_are_refused(
    generator: WolfgangGenerator, later: WolfgangGenerator
) -> None:
    first = ("Ach", 4, 0.6, 40, 0.9, 1.2, False)
    for wrong in [(True,), (False,), (None, [1]), (None, True), (None, 1, [2])]:
        with pytest.raises(TypeError, match="stop_tokens, seed, stream.*stream, stop_tokens, seed"):
            generator.generate(*first, *wrong)
    for wrong in [([1],), (None,), (True, 5), (True, True), (True, [1], [2])]:
        with pytest.raises(TypeError, match="stream, stop_tokens, seed.*stop_tokens, seed, stream"):
            later.generate(*first, *wrong)
    assert generator.generate(*first, [1], 5, False) == later.generate(*first, False, [1], 5)


def test_a_stream_is_a_generator(generator: WolfgangGenerator) -> None:
    stream = generator.generate("Habe nun", stream=True, seed=1)
    assert inspect.isgenerator(stream)
    next(stream)
    stream.close()
    with pytest.raises(StopIteration):
        next(stream)
    with pytest.raises(KeyError):
        generator.generate("Habe nun", stream=True).throw(KeyError("x"))


def test_a_stream_of_an_invalid_prompt_is_refused_at_the_call(generator: WolfgangGenerator) -> None:
    for prompt in (None, 5, b"Ach", ["Ach"], "\ud800"):
        with pytest.raises(TypeError, match="TextInputSequence must be str"):
            generator.generate(prompt, stream=True)  # type: ignore[call-overload]


def test_stop_tokens_can_be_any_container(generator: WolfgangGenerator) -> None:
    class Contains:
        def __contains__(self, id: int) -> bool:
            return id == stop

    whole = generator.native.generate(
        generator.tokenizer.encode("Habe nun").ids, max_new_tokens=12, seed=1, rng="torch"
    )
    stop = whole.ids[5]
    expected = generator.generate("Habe nun", 12, seed=1, stop_tokens=[stop])
    assert 0 < len(expected) < len(whole.text)
    numpy = pytest.importorskip("numpy")
    containers: list[Any] = [
        (stop,),
        {stop},
        {stop: 1}.keys(),
        range(stop, stop + 1),
        [None, stop, 10**9, -1],
        numpy.array([stop]),
        [numpy.int64(stop)],
        Contains(),
    ]
    for container in containers:
        assert generator.generate("Habe nun", 12, seed=1, stop_tokens=container) == expected


def test_control_tokens_in_a_prompt_are_encoded_as_such(
    generator: WolfgangGenerator, model: wolfgang.Model
) -> None:
    user = generator.tokenizer.token_to_id("<|user|>")
    assert generator.tokenizer.encode("<|user|>\nWer?").ids[0] == user
    assert user not in model.tokenizer.encode("<|user|>\nWer?").ids
    assert generator.tokenizer.token_to_id("no such token") is None


def test_include_prompt_is_ignored_by_a_stream(generator: WolfgangGenerator) -> None:
    text = generator.generate("<|user|>Habe nun", 5, seed=1)
    with_prompt = generator.generate("<|user|>Habe nun", 5, seed=1, include_prompt=True)
    assert with_prompt == f"Habe nun{text}"
    pieces = generator.generate("<|user|>Habe nun", 5, seed=1, include_prompt=True, stream=True)
    assert "".join(pieces) == text


def test_no_new_tokens_give_no_text(generator: WolfgangGenerator) -> None:
    assert generator.generate("Ach", 0) == generator.generate("Ach", -3) == ""
    assert generator.generate("Ach", 0, include_prompt=True) == "Ach"
    assert list(generator.generate("Ach", 0, stream=True)) == []
    with pytest.raises((TypeError, AttributeError)):
        generator.generate("Ach", 1.5)  # type: ignore[call-overload]


def test_temperature_0_is_greedy(generator: WolfgangGenerator) -> None:
    texts = {generator.generate("Habe nun", 8, temperature=0, seed=seed) for seed in (1, 2, None)}
    assert len(texts) == 1
    with pytest.raises(ValueError, match="temperature is -1"):
        generator.generate("Habe nun", 8, temperature=-1)


def test_negative_seeds_are_those_of_torch(generator: WolfgangGenerator) -> None:
    text = generator.generate("Habe nun", 12, seed=-1)
    assert text == generator.generate("Habe nun", 12, seed=2**64 - 1)
    assert text == generator.generate("Habe nun", 12, seed="-1")  # type: ignore[call-overload]


def test_an_empty_prompt_starts_a_document(generator: WolfgangGenerator) -> None:
    assert generator.generate("", 6, seed=2)


def test_attributes_of_the_original_exist(generator: WolfgangGenerator) -> None:
    assert generator.device == "cpu"
    config = generator.config
    assert (config.block_size, config.vocab_size, config.n_layer) == (256, 4096, 6)
    assert generator.tokenizer.decode(generator.tokenizer.encode("Und so").ids) == "Und so"


def test_missing_files_are_the_exceptions_of_the_original() -> None:
    with pytest.raises(FileNotFoundError, match="Checkpoint not found at /no/ckpt.pt") as caught:
        WolfgangGenerator("/no/ckpt.pt", FAUST / "tokenizer.json")
    assert isinstance(caught.value, wolfgang.CheckpointNotFound)
    assert caught.value.filename == "/no/ckpt.pt"
    with pytest.raises(Exception, match="No such file or directory") as missing:
        WolfgangGenerator("/no/ckpt.pt", "/no/tokenizer.json")
    assert isinstance(missing.value, wolfgang.TokenizerNotFound)


def test_nothing_is_printed_and_the_module_of_the_original_can_be_replaced() -> None:
    script = f"""
import wolfgang.compat
wolfgang.compat.install("2026-02")
from wolfgang_lm.inference.generation import WolfgangGenerator
generator = WolfgangGenerator({str(FAUST)!r}, {str(FAUST / "tokenizer.json")!r}, "cpu")
assert generator.generate(prompt="Ach", max_new_tokens=5, include_prompt=True)
assert generator.original == "2026-02"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=REPOSITORY)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
