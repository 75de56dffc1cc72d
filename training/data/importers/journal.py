"""What an import has done so far, line by line: OUTPUT/.importing/journal.jsonl. The first line holds the options."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from training.checkpoint import write_atomically
from training.data.listing import MAPS, PICTURES
from training.data.table import FACES_FILE, DataError

IMPORTING, JOURNAL = ".importing", "journal.jsonl"
LONGEST_LINE_BYTES = 1 << 24


def open_journal(output: Path, options: dict[str, str]) -> Path:
    """The journal, which begins with the options. Raises DataError for a folder that holds anything else."""
    journal = output / IMPORTING / JOURNAL
    if (output / FACES_FILE).exists():
        shutil.rmtree(output / IMPORTING, ignore_errors=True)  # of an import that ended in its very last step
        raise DataError(f"{output / FACES_FILE} exists: name a new folder")
    if journal.exists():
        drop_broken_line(journal)
        require_same(output, journal, options)
    else:
        if output.is_dir() and any(path.name not in (IMPORTING, PICTURES) for path in output.iterdir()):
            raise DataError(f"{output} holds other files: name a new folder")
        if (output / PICTURES).is_dir() and any((output / PICTURES).iterdir()):
            raise DataError(f"{output / PICTURES} holds pictures already: name a new folder")
        for folder in (PICTURES, f"{IMPORTING}/{MAPS}"):
            (output / folder).mkdir(parents=True, exist_ok=True)
        write_atomically(journal, lambda beside: beside.write_text(json.dumps(options) + "\n"))
    return journal


def drop_broken_line(journal: Path) -> None:
    """Cut off what stands behind the last end of a line."""
    with journal.open("r+b") as lines:
        end = lines.seek(0, os.SEEK_END)
        lines.seek(max(0, end - LONGEST_LINE_BYTES))
        tail = lines.read()
        lines.truncate(end - len(tail) + tail.rfind(b"\n") + 1)


def require_same(output: Path, journal: Path, options: dict[str, str]) -> None:
    """DataError unless the import was begun with the same options."""
    with journal.open() as lines:
        begun = json.loads(next(lines))
    for key in sorted(begun.keys() | options.keys()):
        if begun.get(key) != options.get(key):
            raise DataError(
                f"{output} was begun with {key} {begun.get(key)}, not {options.get(key)}: "
                "take the same options or name a new folder"
            )


def read_journal(journal: Path) -> Iterator[dict[str, Any]]:
    """One entry for each picture that is done; landmarks and numbers of its faces are arrays."""
    with journal.open() as lines:
        next(lines)
        for line in lines:
            entry = json.loads(line)
            for face in entry.get("faces", []):
                face["landmarks"] = np.array(face["landmarks"], np.float32)
                face["numbers"] = np.array(face["numbers"], np.float32)
            yield entry
