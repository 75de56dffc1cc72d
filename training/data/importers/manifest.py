"""What an import leaves behind about itself, so that somebody else can make the same folder, or see why not.

- manifest.csv: each picture of the data set: the names of its faces, the SHA-256 of their pictures as they were
  written, or why it was left out;
- manifest.json: the data set, its licence, the options, counts, what was left out and why, and the SHA-256 of the data
  set's own lists and of the folder's tables.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.data.listing import LANDMARKS_FILE

MANIFEST_FILE, ABOUT_FILE = "manifest.csv", "manifest.json"
COLUMNS = ("picture", "faces", "sha256", "left_out")


def write_manifest(file: Path, entries: Sequence[dict[str, Any]]) -> None:
    """A row for each picture of the journal."""
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([COLUMNS, *(row_of(entry) for entry in entries)])


def row_of(entry: dict[str, Any]) -> list[str]:
    faces = entry.get("faces", [])
    return [entry["picture"], *(" ".join(face[key] for face in faces) for key in ("name", "sha256")), left_out(entry)]


def left_out(entry: dict[str, Any]) -> str:
    """Why a picture was left out; nothing if it was not."""
    return str(entry.get("left_out", ""))


def write_about(
    output: Path,
    entries: Sequence[dict[str, Any]],
    splits: Sequence[str],
    about: dict[str, Any],
    lists: Mapping[str, Path],
    table: bytes,
) -> None:
    """`about` is said of the data set and the options, `splits` are those of the faces, `lists` are the data set's own
    files by their paths inside it, `table` is faces.csv.
    """
    reasons = Counter(entry["reason"] for entry in entries if "reason" in entry)
    files = {name: digest(file.read_bytes()) for name, file in lists.items()}
    tables = {name: digest((output / name).read_bytes()) for name in (LANDMARKS_FILE, MANIFEST_FILE)}
    said = {
        **about,
        "pictures": len(entries),
        "faces": len(splits),
        "splits": dict(Counter(splits)),
        "left_out": dict(reasons.most_common()),
        "left_out_pictures": {entry["picture"]: left_out(entry) for entry in entries if "reason" in entry},
        "sha256_of_lists": files,
        "sha256": {**tables, "faces.csv": digest(table)},
    }
    (output / ABOUT_FILE).write_text(json.dumps(said, indent=1) + "\n")


def digest(stored: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(stored).hexdigest()
