"""A run folder is a record, and nothing goes on in it unnoticed.

    RUN/run.json         the recipe, by name
    RUN/PART/run.json    the record of a part (training/records.py)
    RUN/PART/.lock       while a process trains there

A part that has a checkpoint goes on only with what it was begun with. Where something differs, it is refused, or taken
with --force and a line. What holds snapshots without a checkpoint is never begun anew by itself. A checkpoint without
a record, of an earlier version, goes on with a line, and is recorded from then on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.checkpoint import write_atomically
from training.errors import TrainingError
from training.locks import locked
from training.recipe import Files, Part
from training.records import Record, describe_step, differences, session
from training.step import Step

RECORD = "run.json"
LOCK = ".lock"
RESULTS = (
    "metrics.jsonl",
    "validation.jsonl",
    "sheets",
    "snapshots",
    "best",
    "tensorboard",
)  # beside snapshots and checkpoint
SHOWN_DIFFERENCES = 3


class RunError(TrainingError):
    """A run folder that cannot be used as asked; the message says why, and what would do."""


@contextmanager
def opened(run: Path, part: Part, record: Record, *, force: bool = False) -> Iterator[Part]:
    """Hold the folder of `part` in `run` while it is trained; the part to train, which records its step when built.

    Of several processes of one training the first holds and writes; it alone may enter here. Raises RunError,
    LockedError.
    """
    folder = run / part.name
    with locked(folder / LOCK):
        require_recipe(run, record["recipe"], force=force)
        require_beginning(folder, force=force)
        yield replace(part, build=recorded(folder, part, record, force=force))


def require_recipe(run: Path, recipe: str, *, force: bool) -> None:
    """One recipe per run folder; the first training in it writes it down."""
    with locked(run / LOCK, wait=True):
        found = read_json(run / RECORD)
        before = recipe if found is None else found["recipe"]
        worked = any(has_work(folder) for folder in run.iterdir() if folder.is_dir())
        if before != recipe and worked:
            told = f"{run} was begun with the recipe {before}, not {recipe}"
            if not force:
                raise RunError(f"{told}; name another folder with --run, or take this one with --force")
            print(f"--force: {told}; it is {recipe}'s from now on")
        if found is None or before != recipe:
            write_json(run / RECORD, {"recipe": recipe})


def require_beginning(folder: Path, *, force: bool) -> None:
    """A folder without a checkpoint must be free of results; with `force` they are moved into a folder of their own."""
    if (folder / "checkpoint.pt").is_file():
        return
    recorded_here = (folder / RECORD).is_file()
    results = [path for path in (*folder.glob("*.safetensors"), *(folder / name for name in RESULTS)) if path.exists()]
    if recorded_here and not has_work(folder):
        if results:
            print(f"{folder}: stopped before its first checkpoint, so it begins anew")
        return
    if not results:
        return
    earlier = next(place for number in range(1, 10_000) if not (place := folder / f"earlier-{number}").exists())
    told = f"{folder} holds {', '.join(path.name for path in results)} but no checkpoint.pt to go on from"
    if not force:
        raise RunError(f"{told}; name another folder with --run, or let --force move them to {earlier} and begin anew")
    earlier.mkdir()
    for path in results:
        path.rename(earlier / path.name)
    print(f"--force: {told}; they are in {earlier} now, and the training begins anew")


def recorded(folder: Path, part: Part, record: Record, *, force: bool) -> Any:
    """The part's `build`, which compares what it has built with the record, then writes the record."""

    def build(files: Files) -> Step:
        step = part.build(files)
        now = json.loads(json.dumps(record | {"step": describe_step(step)}))
        before = read_json(folder / RECORD)
        changes = [] if before is None else list(differences(before, now))
        if changes and has_work(folder):
            accept(folder, changes, force=force)
        elif before is None and has_work(folder):
            print(f"{folder} has no {RECORD}: it goes on unchecked, and is recorded from now on")
        sessions = [] if before is None else before["sessions"]
        write_json(folder / RECORD, now | {"sessions": [*sessions, session() | {"changes": changes}]})
        return step

    return build


def accept(folder: Path, changes: list[str], *, force: bool) -> None:
    """Raise RunError that says what has changed, or say it in a line."""
    more = len(changes) - SHOWN_DIFFERENCES
    told = "; ".join(changes[:SHOWN_DIFFERENCES]) + (f"; {more} more" if more > 0 else "")
    if not force:
        raise RunError(
            f"{folder} was begun otherwise: {told}; give what it was begun with, another folder with --run, or --force"
        )
    print(f"--force: {folder} goes on although {told}")


def has_work(folder: Path) -> bool:
    """Whether a part's folder holds what took time to make: a checkpoint or a snapshot."""
    return (folder / "checkpoint.pt").is_file() or any(folder.glob("*.safetensors"))


def read_record(folder: Path) -> Record | None:
    """The record of a part's folder; None where there is none. Raises RunError."""
    return read_json(folder / RECORD)


def read_json(path: Path) -> Record | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise RunError(f"{path} is no record of a run: {error}") from error
    if not isinstance(content, dict):
        raise RunError(f"{path} is no record of a run")
    return content


def write_json(path: Path, content: Record) -> None:
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda beside: beside.write_text(text))
