"""Rows on Ray Data, Spark and Dask: the result is that of a loop, also if processes are killed.

Each engine's tests are skipped if it is not installed. The tests with 400 rows take minutes:

    python -m pytest crates/wolfgang-python/tests/test_bulk_engines.py -m acceptance -s
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

DRIVER = Path(__file__).with_name("bulk_driver.py")
PACKAGES = {
    "ray": ("ray.data",),
    "spark": ("pyspark", "pyarrow"),
    "dask": ("dask.dataframe", "distributed"),
}
LARGE = ("--rows", "400", "--new-tokens", "24", "--batch-size", "7")


Large = tuple[str, list[dict[str, Any]]]


@pytest.fixture(params=["ray", "spark", "dask"])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    for package in PACKAGES[name]:
        try:
            importlib.import_module(package)
        except ImportError:
            pytest.skip(f"{package} is not installed")
    return name


class Runs:
    """Runs of the driver. Their processes, also those that others started, have a mark in the environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"WOLFGANG_TEST_RUN={uuid4()}"

    def start(self, engine: str, *arguments: str) -> subprocess.Popen[str]:
        name, value = self.mark.split("=")
        return subprocess.Popen(
            [sys.executable, str(DRIVER), engine, str(self.folder / "output"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {name: value, "RAY_AUTH_MODE": "disabled"},
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[str], timeout: float = 300) -> dict[str, Any]:
        output, errors = process.communicate(timeout=timeout)
        assert process.returncode == 0, errors[-4000:]
        result: dict[str, Any] = json.loads(output.splitlines()[-1])
        return result

    def run(self, engine: str, *arguments: str) -> dict[str, Any]:
        return self.finish(self.start(engine, *arguments))

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "output").read_text().splitlines()]

    def processes(self) -> list[int]:
        """All processes of the runs."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (path / "environ").read_bytes().split(b"\0"):
                    found.append(int(path.name))
            except OSError:
                pass
        return found

    def workers(self, driver: int) -> list[int]:
        """The processes that have loaded the model, except the driver."""
        found = []
        for pid in self.processes():
            try:
                names = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/comm")]
            except OSError:
                continue
            if pid != driver and "wolfgang-engine\n" in names:
                found.append(pid)
        return found

    def kill_all(self) -> None:
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path)
    yield runs
    runs.kill_all()


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Large:
    """The SHA-256 and the rows of a loop over 400 rows."""
    runs = Runs(tmp_path_factory.mktemp("loop"))
    result = runs.run("loop", *LARGE)
    print("loop", result)
    return result["sha256"], runs.rows()


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, "the run has ended too early"
        assert time.monotonic() < end
        time.sleep(0.02)


def saved_rows(journal: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in journal.glob("*.jsonl"))


def test_an_engine_gives_the_rows_of_a_loop(engine: str, runs: Runs) -> None:
    expected = runs.run("loop", "--poisoned")
    rows = runs.rows()
    assert [row["id"] for row in rows] == list(range(24))
    assert [row["id"] for row in rows if row["error"]] == [7]
    journal = runs.folder / "run"
    found = runs.run(engine, "--poisoned", "--shuffle", "1", "--journal", str(journal))
    assert runs.rows() == rows
    assert found["sha256"] == expected["sha256"]
    assert saved_rows(journal) == 23, "all rows without an error"


@pytest.mark.acceptance
def test_workers_batches_and_order_give_one_sha256(engine: str, runs: Runs, large: Large) -> None:
    for workers, batch_size, shuffle in [(1, 7, 0), (2, 64, 1), (4, 7, 2)]:
        found = runs.run(
            engine,
            *LARGE,
            *("--workers", str(workers)),
            *("--batch-size", str(batch_size)),
            *("--shuffle", str(shuffle)),
        )
        print(engine, workers, batch_size, found)
        assert (found["sha256"], found["rows"]) == (large[0], 400)


@pytest.mark.acceptance
def test_a_killed_worker_changes_nothing(engine: str, runs: Runs, large: Large) -> None:
    journal = runs.folder / "run"
    process = runs.start(engine, *LARGE, "--journal", str(journal))
    wait_until(lambda: saved_rows(journal) >= 50 and bool(runs.workers(process.pid)), process)
    killed = runs.workers(process.pid)[0]
    os.kill(killed, signal.SIGKILL)
    found = runs.finish(process)
    print(engine, found)
    assert (found["sha256"], found["rows"]) == (large[0], 400)


@pytest.mark.acceptance
def test_a_killed_driver_is_continued(engine: str, runs: Runs, large: Large) -> None:
    journal = runs.folder / "run"
    process = runs.start(engine, *LARGE, "--journal", str(journal))
    wait_until(lambda: saved_rows(journal) >= 50, process)
    process.kill()
    process.wait()
    runs.kill_all()
    kept = saved_rows(journal)
    print(engine, "rows kept:", kept)
    assert 50 <= kept < 400
    other = runs.start(engine, *LARGE, "--journal", str(journal), "--seed", "8")
    assert "seed is 8 and was 7" in other.communicate(timeout=120)[1]
    assert other.returncode != 0
    found = runs.run(engine, *LARGE, "--journal", str(journal), "--shuffle", "3")
    assert (found["sha256"], found["rows"]) == (large[0], 400)


@pytest.mark.acceptance
def test_invalid_rows_have_errors_and_the_others_their_texts(engine: str, runs: Runs, large: Large) -> None:
    texts = {row["id"]: row for row in large[1]}
    runs.run(engine, *LARGE, "--poisoned")
    rows = runs.rows()
    assert [row["id"] for row in rows] == list(range(400))
    invalid = [row["id"] for row in rows if row["error"]]
    assert invalid == [i for i in range(400) if i % 20 == 7]
    assert {row["error_kind"] for row in rows} == {"", "PromptTypeError"}
    assert all(row == texts[row["id"]] for row in rows if not row["error"])
