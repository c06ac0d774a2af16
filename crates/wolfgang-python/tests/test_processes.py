"""Forks, pickles and process pools."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import select
import shutil
import signal
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import FAUST

import wolfgang

OPTIONS: dict[str, Any] = {"max_new_tokens": 8, "seed": 1}


def in_child(body: Callable[[], bytes]) -> bytes:
    """Runs `body` in a fork and returns what it returns."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        # Python warns of forks while other threads run.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.write(write, body())
        except BaseException as error:
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        if not select.select([file], [], [], 60)[0]:
            os.kill(child, signal.SIGKILL)
        found = file.read()
    assert os.waitpid(child, 0)[1] == 0
    return found


def text(model: wolfgang.Model) -> bytes:
    return model.generate("Habe nun", **OPTIONS).text.encode()


def test_a_child_of_an_idle_process_generates(model: wolfgang.Model) -> None:
    expected = text(model)

    def body() -> bytes:
        found = text(model)
        model.close()
        return found

    assert in_child(body) == expected
    assert text(model) == expected


def test_a_child_of_a_busy_process_generates() -> None:
    model = wolfgang.Model.load("faust", threads=2)
    expected = text(model)
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            model.generate("Ach", max_new_tokens=20)
            model.score("Habe nun, ach! Philosophie")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert in_child(lambda: text(model)) == expected
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def test_a_child_can_drop_the_model_of_its_parent() -> None:
    models = [wolfgang.Model.load("faust", threads=2)]
    text(models[0])

    def body() -> bytes:
        models.clear()
        return b"dropped"

    assert in_child(body) == b"dropped"


def test_streams_and_sessions_of_the_parent_are_refused(model: wolfgang.Model) -> None:
    stream = model.stream("Ach", max_new_tokens=10**6, ignore_eos=True)
    next(stream)
    session, conversation = model.session(), model.conversation()
    uses: list[Callable[[], Any]] = [
        lambda: next(stream),
        lambda: session.generate("Ach"),
        lambda: conversation.send("Ach"),
    ]
    for use in uses:
        found = in_child(lambda use=use: use() and b"")  # type: ignore[misc]
        assert found.startswith(b"ForkedError"), found
        assert b"create it in the child process" in found
    stream.close()


def pooled(model: wolfgang.Model) -> str:
    return text(model).decode()


def global_text(_: int) -> str:
    return text(MODEL).decode()


MODEL: wolfgang.Model


def test_process_pools_generate(model: wolfgang.Model) -> None:
    global MODEL
    MODEL = model
    expected = text(model).decode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
            assert list(pool.map(global_text, range(4))) == [expected] * 4
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(pooled, model).result() == expected


def test_a_pickle_is_a_reference(
    model: wolfgang.Model, generator: wolfgang.WolfgangGenerator
) -> None:
    for one in (model, generator):
        pickled = pickle.dumps(one)
        assert len(pickled) < 2048
        assert pickle.dumps(one) == pickled
        assert repr(pickle.loads(pickled)) == repr(one)
    loaded = pickle.loads(pickle.dumps(generator))
    assert loaded.generate("Habe nun", 8, seed=1) == generator.generate("Habe nun", 8, seed=1)
    with pytest.raises(TypeError, match="a running stream cannot be pickled"):
        pickle.dumps(model.stream("Ach"))


def test_a_pickle_of_other_files_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.bpk", "tokenizer.json"):
        shutil.copy(FAUST / name, folder)
    model = wolfgang.Model.load(folder, threads=1)
    pickled = pickle.dumps(model)
    assert pickle.loads(pickled).fingerprint == model.fingerprint
    unhashed = wolfgang.Model.load(folder, threads=1)
    (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
    with pytest.raises(wolfgang.FingerprintMismatch, match="have changed") as caught:
        pickle.loads(pickled)
    assert caught.value.expected == model.fingerprint
    assert caught.value.expected in str(caught.value)
    assert caught.value.found in str(caught.value)
    with pytest.raises(wolfgang.FingerprintMismatch, match="has changed since"):
        pickle.dumps(unhashed)
    assert in_child(lambda: text(model)).startswith(b"FingerprintMismatch")


def test_cloudpickle_and_dill_refer_to_the_same_model(model: wolfgang.Model) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    def closure() -> str:
        return pooled(model)

    assert cloudpickle.loads(cloudpickle.dumps(closure))() == pooled(model)
