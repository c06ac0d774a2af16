"""Seeds of rows."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

Key: TypeAlias = str | int | bytes


def row_seed(seed: int, key: Key) -> int:
    """Returns the seed of a row: the first 52 bits of the SHA-256 of ``SEED:KEY``.

    ``SEED`` is the seed of the run in decimal. ``KEY`` is the UTF-8 of a string, so that
    ``wolfgang run-batch`` derives the same seed from a ``custom_id``. The bytes of other keys begin
    with 0xFF, which no UTF-8 contains: 0xFF, ``i`` and the decimal digits of an integer; 0xFF, ``b``
    and the bytes themselves. So ``1``, ``"1"`` and ``b"1"`` have different seeds.

    Seeds of 52 bits are exact in JSON numbers that are parsed as doubles, and in 64-bit columns with
    or without a sign.
    """
    if isinstance(key, str):
        encoded = key.encode()
    elif isinstance(key, bytes):
        encoded = b"\xffb" + key
    else:
        encoded = b"\xffi%d" % key
    return int(sha256(b"%d:" % seed + encoded).hexdigest()[:13], 16)
