"""faces.csv of a prepared folder: the names of its faces, their splits, and columns of numbers."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

NAME, SPLIT = "name", "split"
SPLITS = ("train", "validation", "test")
FACES_FILE = "faces.csv"


class DataError(TrainingError):
    """A data folder that cannot be used; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Table:
    """One row per face, in the order of the file."""

    names: list[str]
    splits: list[str] | None  # each of SPLITS; None = the file has no such column
    columns: list[str]  # all others
    numbers: NDArray[np.float32]  # [faces, columns]; NaN where a cell holds no number


def read_table(folder: Path) -> Table:
    """Raises DataError that names the first line that is wrong."""
    file = folder / FACES_FILE
    header, *rows = list(read_lines(file))
    names = [row[0] for row in rows]
    check_names(file, names)
    splits = [row[header.index(SPLIT)] for row in rows] if SPLIT in header else None
    for name, split in zip(names, splits or [], strict=False):
        if split not in SPLITS:
            raise DataError(f"{file}: the split of {name} is {split!r}; there are {', '.join(SPLITS)}")
    places = [place for place, column in enumerate(header) if column not in (NAME, SPLIT)]
    numbers = array("f", (to_number(row[place]) for row in rows for place in places))
    columns = [header[place] for place in places]
    return Table(names, splits, columns, np.array(numbers, np.float32).reshape(len(rows), len(places)))


def read_lines(file: Path) -> Iterator[list[str]]:
    """The header, then each row. Raises DataError for a file that is missing, has another form or no rows."""
    if not file.is_file():
        raise DataError(f"{file} is missing; training.prepare makes a prepared folder")
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            lines = csv.reader(text)
            header = next(lines, [])
            if header[:1] != [NAME]:
                raise DataError(
                    f"{file}: the first column must be `{NAME}`, not {', '.join(header[:1]) or 'nothing'!r}"
                )
            if twice := first_twice(header):
                raise DataError(f"{file}: two columns are called {twice}")
            yield header
            row = None
            for row in lines:
                if len(row) != len(header):
                    raise DataError(f"{file}, line {lines.line_num}: {len(row)} fields, {len(header)} in the header")
                yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file} is no table of comma-separated values in UTF-8: {error}") from error
    if row is None:
        raise DataError(f"{file} names no face")


def check_names(file: Path, names: list[str]) -> None:
    """Raises DataError for a name that cannot be a file's, or that stands there twice."""
    for name in names:
        if not name or name != name.strip() or "/" in name or "\\" in name:
            raise DataError(f"{file}: {name!r} cannot be the name of a picture")
    if twice := first_twice(names):
        raise DataError(f"{file}: {twice} stands there twice")


def first_twice(words: list[str]) -> str | None:
    seen: set[str] = set()
    for word in words:
        if word in seen:
            return word
        seen.add(word)
    return None


def to_number(cell: str) -> float:
    """NaN for what is no number."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")
