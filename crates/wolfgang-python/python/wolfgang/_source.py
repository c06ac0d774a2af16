"""Where a model comes from: enough to load it again, in a child process or after unpickling."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from .errors import FingerprintMismatch, HubError, OptionError

FAUST = "faust"
"""The name of the model in this package."""

HUB_PREFIX = "hf:"


class Source(NamedTuple):
    """The arguments of ``Model.load``, with absolute paths."""

    source: str
    tokenizer: str | None
    device: str
    dtype: str
    cache_dtype: str | None
    threads: int | None
    context: int | None
    chat_date: tuple[int, int, int] | None
    engine: dict[str, Any]

    def recipe(self) -> dict[str, Any]:
        """The argument of the native module."""
        source = None if self.source == FAUST else self.source
        is_hub = source is not None and source.startswith(HUB_PREFIX)
        return {
            "source": source,
            "tokenizer": self.tokenizer,
            "device": self.device,
            "dtype": self.dtype,
            "cache_dtype": self.cache_dtype,
            "threads": self.threads,
            "context": self.context,
            "chat_date": self.chat_date,
            "hub": hub_settings() if is_hub else None,
            "engine": self.engine,
        }


def hub_settings() -> dict[str, Any]:
    """The settings of the Hub, from the environment variables of the Hub's own tools."""
    environment = os.environ
    home = environment.get("HF_HOME")
    if home is None:
        cache = environment.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        if cache.startswith("~"):
            raise HubError("no home directory was found for downloads: set HF_HOME")
        home = os.path.join(cache, "huggingface")
    token = environment.get("HF_TOKEN")
    if token is None:
        path = environment.get("HF_TOKEN_PATH") or os.path.join(home, "token")
        try:
            with open(path, encoding="utf-8-sig") as file:
                token = file.read()
        except OSError:
            token = None
    offline = environment.get("HF_HUB_OFFLINE", "").upper()
    return {
        "cache": environment.get("HF_HUB_CACHE") or os.path.join(home, "hub"),
        "endpoint": environment.get("HF_ENDPOINT"),
        "token": (token or "").strip() or None,
        "offline": offline in ("1", "ON", "YES", "TRUE"),
    }


def threads_of(threads: int | None) -> int | None:
    """The number of threads: the argument, else ``WOLFGANG_THREADS``, else ``OMP_NUM_THREADS``,
    else ``None``, one per core."""
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            message = f"threads is {threads!r}, but it must be an integer of at least 1"
            raise OptionError(message, option="threads", value=repr(threads))
        return threads
    for name in ("WOLFGANG_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "").split(",")[0].strip()
        if value.isdecimal() and int(value) > 0:
            return int(value)
    return None


def device_name(device: Any) -> str:
    """The device for the native module. Names of torch are accepted."""
    if device is None:
        return "auto"
    name = str(device)
    if name == "mps" or name.startswith("mps:"):
        from .errors import DeviceError

        raise DeviceError(
            f"the device {name} is not available: this package computes on the CPU only; "
            "use device='cpu' or None"
        )
    return name


_ENDINGS = (".bpk", ".gguf", ".jinja", ".json", ".model", ".pt", ".safetensors")
"""Endings of the files of a model in a folder, which can have others, such as logs."""

Files = list[tuple[str, int, int]]
"""Paths, sizes and times of change."""


def files_of(checkpoint: str | None, tokenizer: str | None) -> Files:
    """The files of a model, without reading them."""
    paths: list[str] = []
    if checkpoint is not None:
        if os.path.isdir(checkpoint):
            names = sorted(name for name in os.listdir(checkpoint) if name.endswith(_ENDINGS))
            paths += [os.path.join(checkpoint, name) for name in names]
        else:
            paths.append(checkpoint)
    if tokenizer is not None and tokenizer not in paths:
        paths.append(tokenizer)
    stats = [(path, os.stat(path)) for path in paths if os.path.isfile(path)]
    return [(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]


def fingerprint_of(files: Files) -> str:
    """The SHA-256 of the contents and names of the files."""
    import hashlib

    whole = hashlib.sha256()
    for path, size, time in files:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        stat = os.stat(path)
        if (stat.st_size, stat.st_mtime_ns) != (size, time):
            raise FingerprintMismatch(f"{path} has changed since the model was loaded")
        whole.update(f"{os.path.basename(path)}\0{digest}\n".encode())
    return whole.hexdigest()
