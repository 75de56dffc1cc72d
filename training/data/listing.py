"""Which files a prepared folder has, found without opening one of them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from training.data.parsing import CLASS_SETS, HELEN
from training.data.table import FACES_FILE, DataError

LANDMARKS_FILE = "landmarks.npy"
CLASSES_FILE = "classes.txt"  # in parsing/: class names in the order of their ids
PICTURES, MAPS = "images", "parsing"
PICTURE_ENDINGS = (".jpg", ".png", ".jpeg", ".webp")  # the first that is there counts
MAP_ENDINGS = (".png",)


@dataclass(frozen=True)
class Listing:
    """Every file of a prepared folder by its path inside it, with its size in bytes and the time of its last change."""

    folder: Path
    files: dict[str, tuple[int, int]]

    def find(self, kind: str, name: str) -> str | None:
        """The picture (`images`) or map (`parsing`) of a face; None if there is none."""
        endings = PICTURE_ENDINGS if kind == PICTURES else MAP_ENDINGS
        paths = (f"{kind}/{name}{ending}" for ending in endings)
        return next((path for path in paths if path in self.files), None)

    def size_bytes(self, path: str | None) -> int:
        return 0 if path is None else self.files[path][0]

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a file comes, goes, or is written again."""
        return hashlib.sha256(repr(sorted(self.files.items())).encode()).hexdigest()


def list_folder(folder: Path) -> Listing:
    """Raises DataError if one of the files that every prepared folder has is missing."""
    files: dict[str, tuple[int, int]] = {}
    for inside in ("", f"{PICTURES}/", f"{MAPS}/"):
        if (folder / inside).is_dir():
            with os.scandir(folder / inside) as entries:
                found = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
            files |= {f"{inside}{name}": (stat.st_size, stat.st_mtime_ns) for name, stat in found}
    for needed in (FACES_FILE, LANDMARKS_FILE):
        if needed not in files:
            raise DataError(f"{folder / needed} is missing; training.prepare makes a prepared folder")
    return Listing(folder, files)


def read_class_count(folder: Path) -> int:
    """How many classes the parsing maps have: the lines of parsing/classes.txt, Helen's eleven without that file."""
    path = folder / MAPS / CLASSES_FILE
    if not path.is_file():
        return len(HELEN)
    names = tuple(path.read_text().split())
    if CLASS_SETS.get(len(names)) != names:
        raise DataError(f"{path} must name a known set of classes, of {sorted(CLASS_SETS)}, one name per line")
    return len(names)
