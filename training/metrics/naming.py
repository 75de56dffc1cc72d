"""How a metric's network is named: figures of two networks never stand under one name."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

DIGITS = 8  # of the hash that a name carries


def named(network: str, *files: str | Path) -> str:
    """`squeezenet1_1 6f3e0a1b`: a network's name with the first digits of each of its files' sha256."""
    return " ".join([network, *(file_hash(Path(file).resolve())[:DIGITS] for file in files)])


@cache
def file_hash(file: Path) -> str:
    """The sha256 of a file; each is read once."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
