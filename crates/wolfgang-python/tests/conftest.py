"""Fixtures of the tests. The tests need a checkout of the repository, for its recorded texts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wolfgang

REPOSITORY = Path(__file__).resolve().parents[3]
FAUST = REPOSITORY / "models" / "faust"


@pytest.fixture(scope="session")
def model() -> wolfgang.Model:
    return wolfgang.Model.load("faust", threads=1)


@pytest.fixture(scope="session")
def generator() -> wolfgang.WolfgangGenerator:
    return wolfgang.WolfgangGenerator(FAUST, FAUST / "tokenizer.json", threads=1)


@pytest.fixture(scope="session")
def seeded() -> list[dict[str, Any]]:
    """Texts of the original, with the seed of each."""
    path = REPOSITORY / "tests" / "fixtures" / "faust" / "seeded.json"
    runs: list[dict[str, Any]] = json.loads(path.read_text())
    return runs


@pytest.fixture
def python(tmp_path: Path) -> Any:
    """Runs a script in a new process and returns it."""

    def run(script: str, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            **options,
        )

    return run
