"""Several files of a folder change together: all are prepared beside their places, then all are put there.

A journal in the folder says which, once everything is prepared. A kill before it leaves the old files, a kill after it
is made good by the next exchange, which puts the rest in place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from training.checkpoint import flush_folder, write_atomically
from training.locks import locked

LOCK = ".export.lock"
JOURNAL = ".exchange.json"
PREPARED = ".new-"  # how the name of a prepared file begins


@contextmanager
def exchanged(folder: Path) -> Iterator[Exchange]:
    """Prepare files inside; they are put in place at the end, or, after an error, not at all. One process at a time."""
    with locked(folder / LOCK, wait=True):
        exchange = Exchange(folder)
        try:
            yield exchange
            exchange.carry_out()
        except BaseException:
            exchange.give_up()
            raise


class Exchange:
    """Files below `folder` that are to be replaced together; the caller holds the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.targets: dict[str, str] = {}  # prepared file: its place, both relative to the folder
        finish(folder)
        discard(folder)

    def prepare(self, target: Path, write: Callable[[Path], object]) -> Path:
        """Let `write` make what shall stand at `target`; the prepared file, which lies in a folder directly below."""
        place = target.relative_to(self.folder)
        beside = self.folder / place.parts[0] / f"{PREPARED}{target.name}"
        write_atomically(beside, write)
        self.targets[str(beside.relative_to(self.folder))] = str(place)
        return beside

    def carry_out(self) -> None:
        """Put everything in place."""
        text = json.dumps(self.targets, indent=1)
        write_atomically(self.folder / JOURNAL, lambda beside: beside.write_text(text))
        finish(self.folder)
        self.targets = {}

    def give_up(self) -> None:
        """Leave the old files as they are."""
        discard(self.folder)
        self.targets = {}


def finish(folder: Path) -> bool:
    """Carry out what the journal says, if there is one; whether there was."""
    journal = folder / JOURNAL
    if not journal.is_file():
        return False
    targets = json.loads(journal.read_text())
    for prepared, place in targets.items():
        target = folder / place
        target.parent.mkdir(exist_ok=True)
        if (folder / prepared).is_file():  # else it was put in place before the kill
            (folder / prepared).replace(target)
    for touched in {(folder / place).parent for place in targets.values()}:
        flush_folder(touched)
    journal.unlink()
    return True


def discard(folder: Path) -> None:
    """Remove prepared files, unless a journal speaks of them: then they are to be put in place."""
    if (folder / JOURNAL).is_file():
        return
    halves = (f"*/.{PREPARED}*", f".{JOURNAL}*")  # what a kill leaves of a file that was being written
    for left in (left for pattern in (f"*/{PREPARED}*", *halves) for left in folder.glob(pattern)):
        left.unlink()
