"""Finished rows in a folder, so that an interrupted run continues where it was."""

from __future__ import annotations

import json
import os
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import OptionError

MANIFEST = "_wolfgang.json"
_ID_START = len('{"row": "')
_ID_END = _ID_START + 32


def row_id(key: Any, prompt: Any) -> str:
    """Identifies a row by its key and its prompt, in 128 bits."""
    if isinstance(key, bytes):
        key = {"bytes": key.hex()}
    return sha256(json.dumps([key, prompt], sort_keys=True).encode()).hexdigest()[:32]


class Journal:
    """A folder with a manifest, and a file for the rows of each batch.

    Files are written whole or not at all. A process keeps the ids of all rows, about 210 bytes for
    each; the values stay in the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: set[Path] = set()
        self._places: dict[str, tuple[Path, int]] = {}

    def refresh(self) -> None:
        """Reads the ids in files that this process does not know yet."""
        files = set(self._folder.glob("*.jsonl"))
        if self._files - files:
            # Files were deleted.
            self._files, self._places = set(), {}
        for path in files - self._files:
            self._read_ids(path)

    def find(self, ids: list[str]) -> dict[str, Any]:
        """Returns the values of the rows that are finished."""
        batch = self._path(ids)
        # Another worker may have written the batch, and then have failed.
        if batch not in self._files and batch.exists():
            self._read_ids(batch)
        found = {}
        for id in ids:
            if place := self._places.get(id):
                path, offset = place
                with path.open("rb") as file:
                    file.seek(offset)
                    found[id] = json.loads(file.readline())["values"]
        return found

    def save(self, batch: list[str], rows: dict[str, Any]) -> None:
        """Writes the values of rows of a batch, which is identified by the ids of all its rows."""
        lines = [json.dumps({"row": id, "values": values}) + "\n" for id, values in rows.items()]
        path = self._path(batch)
        write_atomically(path, "".join(lines))
        self._read_ids(path)

    def _path(self, ids: list[str]) -> Path:
        name = sha256("".join(ids).encode()).hexdigest()[:32]
        return self._folder / f"{name}.jsonl"

    def _read_ids(self, path: Path) -> None:
        offset = 0
        with path.open("rb") as file:
            for line in file:
                self._places[line[_ID_START:_ID_END].decode()] = path, offset
                offset += len(line)
        self._files.add(path)


_journals: dict[Path, Journal] = {}


def journal_of(folder: Path) -> Journal:
    """Returns the journal of this process for a folder, up to date."""
    journal = _journals.setdefault(folder, Journal(folder))
    journal.refresh()
    return journal


def check_manifest(folder: Path, run: dict[str, Any], version: str) -> None:
    """Writes the manifest of a run, or checks that the folder belongs to an equal run.

    :raises OptionError: if it belongs to another one.
    """
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text())["run"]
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"version": version, "run": run}, indent=2) + "\n"
        write_atomically(path, text)
        return
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is not a manifest ({error}): choose another folder"
        raise OptionError(message, option="journal", value=str(folder)) from None
    expected = json.loads(json.dumps(run))
    if found != expected:
        differences = ", ".join(
            f"{name} is {expected.get(name)!r} and was {found.get(name)!r}"
            for name in sorted(expected.keys() | found.keys())
            if expected.get(name) != found.get(name)
        )
        message = f"the journal {folder} belongs to another run ({differences}): choose another one"
        raise OptionError(message, option="journal", value=str(folder))


def write_atomically(path: Path, text: str) -> None:
    """Writes a file that other processes see complete."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
