"""What can be wrong with the faces of a prepared folder, each said with the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.cores import usable_cores
from training.data.landmarks import COUNTS
from training.data.listing import LANDMARKS_FILE, MAPS, PICTURES, Listing, list_folder, read_class_count
from training.data.parsing import IGNORE
from training.data.table import DataError, Table, read_table

FAR_OUTSIDE = 0.5  # of the picture's side: a landmark further out is a mistake
LEAST_SPAN_PIXELS = 4.0  # a face that is smaller is one in 0..1 or -1..1
FACES_AT_ONCE = 256  # that are held in memory
FAULTS_SHOWN = 3


@dataclass(frozen=True)
class Contents:
    """The parts of a prepared folder that hold every face at once, in agreement with one another."""

    listing: Listing
    table: Table
    landmarks: NDArray[np.float32]  # [faces,68,2], or [faces,98,2]
    classes: int  # size of the set of classes that the maps use


@dataclass(frozen=True)
class Examined:
    """One face: its files as they are stored, and what is wrong with them."""

    name: str
    picture: bytes
    parsing: bytes  # empty: no map
    faults: list[str]


def open_contents(folder: Path) -> Contents:
    """Raises DataError for a table, landmarks or a list of classes that cannot be used."""
    listing = list_folder(folder)
    table = read_table(folder)
    return Contents(listing, table, read_landmarks(folder / LANDMARKS_FILE, len(table.names)), read_class_count(folder))


def read_landmarks(file: Path, faces: int) -> NDArray[np.float32]:
    """[faces,68,2] or [faces,98,2], (x, y) in pixels of each picture. Raises DataError."""
    try:
        stored = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{file} is no array of numpy: {error}") from error
    shapes = [[faces, count, 2] for count in COUNTS]
    if list(stored.shape) not in shapes:
        raise DataError(f"{file} has shape {list(stored.shape)}, expected {' or '.join(map(str, shapes))}")
    if stored.dtype.kind not in "fiu":
        raise DataError(f"{file} holds {stored.dtype}, expected numbers")
    return np.asarray(stored, dtype=np.float32)


def examine_all(contents: Contents) -> Iterator[Examined]:
    """Every face in the order of the table, looked at by all cores."""
    rows = range(len(contents.table.names))
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(rows), FACES_AT_ONCE):
            yield from pool.map(lambda row: examine(contents, row), rows[start : start + FACES_AT_ONCE])


def examine(contents: Contents, row: int) -> Examined:
    """Reads and decodes the files of one face."""
    name, listing = contents.table.names[row], contents.listing
    files = {kind: listing.find(kind, name) for kind in (PICTURES, MAPS)}
    picture_path, map_path = (None if file is None else listing.folder / file for file in files.values())
    if picture_path is None:
        return Examined(name, b"", b"", [f"no picture of {name} in {listing.folder / PICTURES}"])
    picture, parsing = picture_path.read_bytes(), b"" if map_path is None else map_path.read_bytes()
    sides, faults = check_picture(picture_path, picture)
    if sides is not None:
        faults += check_points(f"{listing.folder / LANDMARKS_FILE}, {name}", contents.landmarks[row], sides[0])
    if map_path is not None:
        faults += check_map(map_path, parsing, contents.classes, sides)
    return Examined(name, picture, parsing, faults)


def check_picture(path: Path, stored: bytes) -> tuple[tuple[int, int] | None, list[str]]:
    """Height and width, and what is wrong."""
    picture = decode(stored, cv2.IMREAD_COLOR)
    if picture is None:
        return None, [f"{path} cannot be decoded"]
    height, width = picture.shape[:2]
    if height != width:
        return (height, width), [f"{path} has {width} x {height} pixels; pictures must be square"]
    return (height, width), []


def check_points(where: str, points: NDArray[np.float32], side_pixels: int) -> list[str]:
    """What is wrong with the landmarks [68,2] or [98,2] of a picture."""
    if not np.isfinite(points).all():
        return [f"{where}: landmarks are not finite"]
    span = float(np.ptp(points, axis=0).max())
    if span < LEAST_SPAN_PIXELS:
        return [f"{where}: landmarks span {span:.2g} pixels; they must be pixels of the picture, not shares of it"]
    middle = (side_pixels - 1) / 2
    furthest = float(np.abs(points - middle).max()) - middle
    if furthest > FAR_OUTSIDE * side_pixels:
        return [f"{where}: a landmark lies {furthest:.0f} pixels outside of the picture of {side_pixels}"]
    return []


def check_map(path: Path, stored: bytes, classes: int, sides: tuple[int, int] | None) -> list[str]:
    """What is wrong with a parsing map; `sides` are the picture's."""
    parsing = decode(stored, cv2.IMREAD_UNCHANGED)
    if parsing is None or parsing.ndim != 2 or parsing.dtype != np.uint8:
        return [f"{path} is no parsing map: it must be a PNG of one byte per pixel, the class id"]
    faults = []
    if sides is not None and parsing.shape != sides:
        faults.append(f"{path} has {list(parsing.shape)}, its picture {list(sides)}")
    wrong = parsing[(parsing >= classes) & (parsing != IGNORE)]
    if wrong.size:
        faults.append(f"{path} holds class {wrong[0]}; its folder has {classes} classes")
    return faults


def decode(stored: bytes | NDArray[np.uint8], how: int) -> NDArray[np.uint8] | None:
    """What an image file holds; None for one that is broken, cut off or empty."""
    if not len(stored):
        return None
    decoded = cv2.imdecode(np.frombuffer(stored, np.uint8), how)
    return None if decoded is None else np.asarray(decoded)


def refuse(folder: Path, faults: list[str]) -> DataError:
    """One error for all faults: the first ones, and where to see the others."""
    shown = "; ".join(faults[:FAULTS_SHOWN])
    rest = len(faults) - FAULTS_SHOWN
    return DataError(f"{shown}; {rest} more: training.prepare check {folder} lists them" if rest > 0 else shown)
