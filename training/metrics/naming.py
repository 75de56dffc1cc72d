"""How a metric's network is named: figures of two networks never stand under one name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from training.hashing import file_hash

DIGITS = 8  # of the hash that a name carries


def named(network: str, *files: str | Path) -> str:
    """`squeezenet1_1 6f3e0a1b`: a network's name with the first digits of each of its files' sha256."""
    return " ".join([network, *(hash_once(Path(file).resolve())[:DIGITS] for file in files)])


@cache
def hash_once(file: Path) -> str:
    """The sha256 of a network's file, which every column of its figures carries: it is read once."""
    return file_hash(file)
