"""How a pack is written. It is a file of safetensors, which any program that knows the format can read.

- `ends` int64 [faces,2]: where picture and map of each face end in `files`
- `landmarks` float32 [faces,68,2] or [faces,98,2], from landmarks.npy
- `numbers` float32 [faces,columns], from faces.csv
- `splits` int8 [faces]: index in SPLITS, -1 where the table has no such column
- `files` uint8 [bytes]: picture and map of each face, as they are stored, one after the other

Its metadata: names and columns (JSON), the size of the set of classes, the fingerprint of the folder that was packed,
and the SHA-256 of what the folder holds.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.checks import Contents, examine_all, refuse
from training.data.listing import MAPS, PICTURES
from training.data.table import SPLITS, DataError

FORMAT = "1"  # packs of another format are made anew
TYPES = {"I64": np.int64, "F32": np.float32, "I8": np.int8, "U8": np.uint8}  # by their names in safetensors
ALIGNMENT_BYTES = 8


def write_pack(contents: Contents, file: Path) -> None:
    """Check and pack every face; the file gets its name when it is whole. Raises DataError if a face cannot be used."""
    folder = contents.listing.folder
    beside = file.with_suffix(".part")
    head = Head(contents)
    faults: list[str] = []
    lengths: list[int] = []
    try:
        with beside.open("wb") as opened:
            opened.seek(head.files_begin)
            for face in tqdm(examine_all(contents), f"checking and packing {folder}", len(contents.table.names)):
                faults += face.faults
                for stored in (face.picture, face.parsing):
                    opened.write(stored)
                    head.digest.update(stored)
                    lengths.append(len(stored))
            if faults:
                raise refuse(folder, faults)
            if sum(lengths) != head.files_bytes:
                raise DataError(f"{folder} changed while it was packed; try again")
            head.write(opened, np.cumsum(lengths, dtype=np.int64))
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


class Head:
    """Everything that stands before the faces' files; its length is known before they are read."""

    def __init__(self, contents: Contents) -> None:
        listing, table = contents.listing, contents.table
        splits = [-1] * len(table.names) if table.splits is None else [SPLITS.index(split) for split in table.splits]
        self.arrays: dict[str, NDArray[Any]] = {
            "ends": np.zeros((len(table.names), 2), np.int64),
            "landmarks": contents.landmarks,
            "numbers": table.numbers,
            "splits": np.array(splits, np.int8),
        }
        self.metadata = {
            "format": FORMAT,
            "names": json.dumps(table.names),
            "columns": json.dumps(table.columns),
            "classes": str(contents.classes),
            "fingerprint": listing.fingerprint,
            "content": "0" * 64,
        }
        self.digest = hashlib.sha256()
        paths = [listing.find(kind, name) for name in table.names for kind in (PICTURES, MAPS)]
        self.files_bytes = sum(listing.size_bytes(path) for path in paths)
        self.files_begin = len(self.header()) + sum(array.nbytes for array in self.arrays.values())

    def header(self) -> bytes:
        """The length of what follows in 8 bytes, then JSON: type, shape and place of every array."""
        named = {kind: name for name, kind in TYPES.items()}
        about: dict[str, Any] = {"__metadata__": self.metadata}
        end = 0
        for name, array in self.arrays.items():
            begin, end = end, end + array.nbytes
            about[name] = {"dtype": named[array.dtype.type], "shape": list(array.shape), "data_offsets": [begin, end]}
        about["files"] = {"dtype": "U8", "shape": [self.files_bytes], "data_offsets": [end, end + self.files_bytes]}
        text = json.dumps(about).encode()
        text += b" " * (-len(text) % ALIGNMENT_BYTES)
        return len(text).to_bytes(8, "little") + text

    def write(self, opened: BinaryIO, ends: NDArray[np.int64]) -> None:
        """Called when `digest` has seen all files, `ends` [2 x faces]."""
        self.arrays["ends"] = ends.reshape(-1, 2)
        stored = [array.tobytes() for array in self.arrays.values()]
        for one in stored:
            self.digest.update(one)
        for key in ("names", "columns", "classes"):
            self.digest.update(self.metadata[key].encode())
        self.metadata["content"] = self.digest.hexdigest()
        opened.seek(0)
        opened.writelines([self.header(), *stored])
