"""The examples of the documents run, and the types are right."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "python.md"
NOT_RUN = "# Not run"


def examples() -> list[str]:
    blocks = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return [block for block in blocks if not block.startswith(NOT_RUN)]


def test_the_examples_of_the_document_run() -> None:
    assert len(examples()) > 8
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(examples())],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_examples_of_the_docstrings_run() -> None:
    attempted = 0
    for name in ("_model", "_session", "_tokenizer", "_original", "_stream"):
        module = importlib.import_module(f"wolfgang.{name}")
        result = doctest.testmod(module)
        assert result.failed == 0
        attempted += result.attempted
    assert attempted > 8


def run_mypy(arguments: list[str], cwd: Path) -> None:
    pytest.importorskip("mypy")
    environment = os.environ | {"MYPY_CACHE_DIR": str(cwd / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_and_the_examples_have_types(tmp_path: Path) -> None:
    example = "\n".join(examples())
    (tmp_path / "example.py").write_text(example)
    # The adapters import packages that may be missing.
    (tmp_path / "mypy.ini").write_text(
        textwrap.dedent(
            """
            [mypy]
            strict = True
            python_version = 3.11
            [mypy-lm_eval.*,llm.*,ray.*,pyarrow.*,pandas.*,dask.*,pyspark.*]
            ignore_missing_imports = True
            ignore_errors = True
            """
        )
    )
    run_mypy(["mypy", "example.py"], tmp_path)
    run_mypy(["mypy", "-p", "wolfgang"], tmp_path)


def test_the_stubs_are_those_of_the_native_module(tmp_path: Path) -> None:
    # Classes written in C have it from Python 3.12 on.
    allowlist = tmp_path / "allowlist"
    allowlist.write_text("wolfgang._wolfgang.Logits.__buffer__\n")
    options = ["--allowlist", str(allowlist), "--ignore-unused-allowlist"]
    run_mypy(["mypy.stubtest", *options, "wolfgang._wolfgang"], tmp_path)


def test_importing_loads_no_large_module() -> None:
    script = (
        "import sys, wolfgang;"
        "print([name for name in ('numpy', 'torch', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n"
