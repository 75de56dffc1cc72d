"""Packs: a prepared folder as one file that is mapped into memory, so that its faces take no memory of the process.

A pack is made once, with every face checked. It stands in FOLDER/.packed, or, where that cannot be written, in the
user's cache (XDG_CACHE_HOME). `packing.py` says what it holds.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.checks import decode, open_contents
from training.data.listing import Listing, list_folder
from training.data.packing import FORMAT, TYPES, write_pack
from training.data.table import DataError

PACKED, PACK_FILE, LOCK_FILE = ".packed", "faces.safetensors", "lock"
CACHE = "face-inpainting/packed"
ANY_MAY_WRITE = 0o222  # of the bits of a file's mode
MAPPED_TOGETHER_BYTES = 1 << 16  # the system maps up to so much around a page that is touched


class Pack:
    """A pack that is open for reading. Raises DataError for one of another format, ValueError or KeyError for none."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with file.open("rb") as opened:
            self._bytes = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        begin = 8 + int.from_bytes(self._bytes[:8], "little")
        header = json.loads(self._bytes[8:begin])
        metadata = header.pop("__metadata__")
        if metadata.get("format") != FORMAT:
            raise DataError(f"{file} is a pack of another format")
        self.fingerprint, self.content = str(metadata["fingerprint"]), str(metadata["content"])
        self.classes = int(metadata["classes"])
        self.names: list[str] = json.loads(metadata["names"])
        self.columns: list[str] = json.loads(metadata["columns"])
        arrays = {name: self._array(about, begin) for name, about in header.items()}
        self.landmarks, self.numbers, self.splits = (arrays[name] for name in ("landmarks", "numbers", "splits"))
        self._files, self._ends = arrays["files"], arrays["ends"].reshape(-1)
        self.has_map: NDArray[np.bool_] = arrays["ends"][:, 1] > arrays["ends"][:, 0]  # [faces]
        self._files_begin = begin + header["files"]["data_offsets"][0]

    def _array(self, about: dict[str, Any], begin: int) -> NDArray[Any]:
        kind, shape = TYPES[about["dtype"]], about["shape"]
        count = int(np.prod(shape))
        return np.frombuffer(self._bytes, kind, count, begin + about["data_offsets"][0]).reshape(shape)

    def __reduce__(self) -> tuple[type[Pack], tuple[Path]]:
        return Pack, (self.file,)  # a loader process that is spawned opens the file again

    def picture(self, row: int) -> NDArray[np.uint8]:
        """RGB [H,W,3] of a face."""
        decoded = self._decode(2 * row, cv2.IMREAD_COLOR)
        assert decoded is not None, "was decoded when it was packed"
        return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)

    def parsing(self, row: int) -> NDArray[np.uint8] | None:
        """Class ids [H,W] of a face; None if it has no map."""
        return self._decode(2 * row + 1, cv2.IMREAD_UNCHANGED)

    def _decode(self, place: int, how: int) -> NDArray[np.uint8] | None:
        begin = int(self._ends[place - 1]) if place else 0
        end = int(self._ends[place])
        decoded = decode(self._files[begin:end], how)
        self._forget(self._files_begin + begin, self._files_begin + end)
        return decoded

    def _forget(self, begin: int, end: int) -> None:
        """Takes what was read out of the process's resident memory; it stays in the system's cache of files."""
        if hasattr(mmap, "MADV_DONTNEED"):
            start = begin - begin % MAPPED_TOGETHER_BYTES
            stop = min(end + MAPPED_TOGETHER_BYTES - end % MAPPED_TOGETHER_BYTES, len(self._bytes))
            self._bytes.madvise(mmap.MADV_DONTNEED, start, stop - start)


def open_pack(folder: Path) -> Pack:
    """The pack of a prepared folder; made, with every face checked, where there is none or the folder has changed.

    Raises DataError that names what is wrong with the folder.
    """
    listing = list_folder(folder)
    places = [folder / PACKED, cache_folder(folder)]
    for known in places:
        if pack := valid_pack(known / PACK_FILE, listing):
            return pack
    place = next((place for place in places if can_make(place)), None)
    if place is None:
        raise DataError(f"the pack of {folder} can be written neither to {places[0]} nor to {places[1]}")
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / LOCK_FILE):
        if pack := valid_pack(place / PACK_FILE, listing):  # another process made it meanwhile
            return pack
        write_pack(open_contents(folder), place / PACK_FILE)
    return Pack(place / PACK_FILE)


def cache_folder(folder: Path) -> Path:
    """Where the pack of a folder lies if the folder cannot be written."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / CACHE / hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def valid_pack(file: Path, listing: Listing) -> Pack | None:
    """The pack, if it is one of the folder as it is now."""
    if not file.is_file():
        return None
    try:
        pack = Pack(file)
    except (DataError, KeyError, ValueError, OSError):
        return None  # of another version, or no pack: it is made again
    return pack if pack.fingerprint == listing.fingerprint else None


def can_make(place: Path) -> bool:
    """Whether a folder is there and can be written, or can be made. A mode without write bits counts for root, too."""
    there = next(above for above in (place, *place.parents) if above.exists())
    return bool(there.stat().st_mode & ANY_MAY_WRITE) and os.access(there, os.W_OK)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One process at a time; the lock goes with the process that holds it."""
    with file.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
