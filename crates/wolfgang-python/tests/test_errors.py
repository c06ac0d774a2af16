"""Exceptions: their bases, fields and pickles."""

from __future__ import annotations

import inspect
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import FAUST

import wolfgang
from wolfgang import errors

def exceptions() -> list[type[Exception]]:
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass)]
    return [one for one in classes if issubclass(one, errors.WolfgangError)]


def test_every_exception_is_exported() -> None:
    names = {one.__name__ for one in exceptions()} | {"PromptWarning"}
    assert names == set(errors.__all__)
    for name in names:
        assert getattr(wolfgang, name) is getattr(errors, name)


@pytest.mark.parametrize("cls", exceptions())
def test_an_exception_keeps_its_fields_in_a_pickle(cls: type[Exception]) -> None:
    error = cls("what failed", option="top_k", path="/x", tokens=3)
    error.add_note("a note")
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is cls
    assert str(other) == "what failed"
    assert (other.option, other.path, other.tokens) == ("top_k", "/x", 3)
    assert other.__notes__ == ["a note"]


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("CheckpointNotFound", FileNotFoundError),
        ("CheckpointNotFound", errors.CheckpointError),
        ("CheckpointEntryMissing", KeyError),
        ("CheckpointConfigError", TypeError),
        ("CheckpointError", RuntimeError),
        ("TokenizerNotFound", errors.TokenizerError),
        ("OptionError", ValueError),
        ("UnknownOption", TypeError),
        ("PromptTypeError", TypeError),
        ("PromptTooLong", ValueError),
    ],
)
def test_exceptions_have_the_types_of_the_original(name: str, base: type[Exception]) -> None:
    assert issubclass(getattr(errors, name), base)


def test_an_option_error_names_option_value_and_rule(model: wolfgang.Model) -> None:
    with pytest.raises(wolfgang.OptionError) as caught:
        model.generate("Ach", top_p=1.5)
    assert (caught.value.option, caught.value.value) == ("top_p", "1.5")
    assert "0" in caught.value.rule
    for options in (
        {"top_k": "many"},
        {"temperature": None},
        {"seed": -1},
        {"seed": 1.5},
        {"stop_tokens": ["x"]},
        {"stop_tokens": [99999]},
        {"stop_strings": [""]},
        {"dry": {"multiply": 1}},
        {"rng": "mersenne"},
        {"context_overflow": "explode"},
        {"max_new_tokens": -1},
        {"max_new_tokens": 2**70},
        {"min_new_tokens": 5, "max_new_tokens": 2},
        {"logprobs": 10**6},
    ):
        with pytest.raises(wolfgang.OptionError) as caught:
            model.generate("Ach", **options)
        assert caught.value.option


def test_an_unknown_option_is_a_type_error_with_the_nearest_name(model: wolfgang.Model) -> None:
    with pytest.raises(TypeError, match="no option temperatures: did you mean temperature?"):
        model.generate("Ach", temperatures=1.0)


def test_damaged_files_are_errors(tmp_path: Path) -> None:
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text('{"model": {}}')
    with pytest.raises(wolfgang.TokenizerError):
        wolfgang.Model.load(FAUST, tokenizer=tokenizer)
    with pytest.raises(wolfgang.TokenizerError):
        wolfgang.Tokenizer.from_file(tokenizer)
    checkpoint = tmp_path / "ckpt.pt"
    for data in (b"", b"not a checkpoint", b"PK\x03\x04" + b"\0" * 100):
        checkpoint.write_bytes(data)
        with pytest.raises(wolfgang.CheckpointError):
            wolfgang.Model.load(checkpoint, tokenizer=FAUST / "tokenizer.json")


def save(path: Path, checkpoint: object) -> Path:
    """Writes the container of `torch.save`, without tensors."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps(checkpoint, 2))
        file.writestr("archive/version", "3\n")
    return path


def test_incomplete_checkpoints_are_the_exceptions_of_the_original(tmp_path: Path) -> None:
    shape = {"block_size": 8, "vocab_size": 4096, "n_layer": 1, "n_head": 1, "n_embd": 8}
    cases: list[tuple[object, type[Exception]]] = [
        ({}, KeyError),
        ({"model": {}}, KeyError),
        ({"model": {}, "model_config": {"block_size": "eight"}}, TypeError),
        ({"model": {}, "model_config": shape}, RuntimeError),
    ]
    for checkpoint, expected in cases:
        path = save(tmp_path / "ckpt.pt", checkpoint)
        with pytest.raises(expected) as caught:
            wolfgang.WolfgangGenerator(path, FAUST / "tokenizer.json")
        assert isinstance(caught.value, wolfgang.CheckpointError)
        assert str(path) in str(caught.value)


def test_devices_of_torch_are_named() -> None:
    class Device:
        def __str__(self) -> str:
            return "cpu"

    assert wolfgang.Model.load(device=Device()).device == "cpu"
    for name in ("cuda", "mps"):
        with pytest.raises(wolfgang.DeviceError, match=name):
            wolfgang.Model.load(device=name)


def test_long_and_strange_texts_are_encoded_completely(model: wolfgang.Model) -> None:
    tokenizer = model.tokenizer
    texts: list[Any] = ["a" * 200_000, "-" * 130_000, " " * 100_000, "ä\n" * 1000, ""]
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_ids_of_any_size_are_decoded_or_refused(model: wolfgang.Model) -> None:
    tokenizer = model.tokenizer
    assert tokenizer.decode([2**32 - 1, 4096]) == ""
    for id in (-1, 2**32):
        with pytest.raises(OverflowError):
            tokenizer.decode([id])
    assert tokenizer.id_to_token(4096) is None
    end = tokenizer.end_of_text
    assert end is not None
    assert tokenizer.id_to_token(end) == "<|endoftext|>"
    assert (tokenizer.decode([end]), tokenizer.decode([end], False)) == ("", "<|endoftext|>")
    assert tokenizer.get_vocab_size() - tokenizer.get_vocab_size(False) == len(
        tokenizer.control_tokens
    )
