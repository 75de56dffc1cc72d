"""Drawings of Quick, Draw! as sketches for holes: the data set's .ndjson files, simplified or raw.

One drawing per line of the file, JSON: {"word": ..., "recognized": true, "drawing": [[[x, ...], [y, ...], ...], ...]},
a pair of lists for each line that was drawn; raw files have a third, of times. Coordinates are pixels of a screen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.sketches import Sketch
from training.data.table import DataError

LEAST_POINTS = 2  # of a line


@dataclass
class Drawings:
    """What was read."""

    sketches: list[Sketch]
    left_out: int  # drawings that were not recognised, or have no line
    broken: list[str]  # lines of the files that hold no drawing, and why


def read_drawings(files: Sequence[Path], count: int | None = None, *, strict: bool = False) -> Drawings:
    """The first `count` good drawings of the files, in order. With `strict` DataError names the first bad line."""
    found = Drawings([], 0, [])
    for line, where in tqdm(numbered(files), "importing", unit="drawing"):
        if count is not None and len(found.sketches) == count:
            break
        try:
            sketch = sketch_of(line, where)
        except DataError as error:
            if strict:
                raise
            found.broken.append(str(error))
            continue
        found.sketches.extend([sketch] if sketch else [])
        found.left_out += not sketch
    if not found.sketches:
        raise DataError(f"{', '.join(map(str, files))}: no drawing that can be used")
    return found


def numbered(files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Every line, and where it stands."""
    for file in files:
        for number, line in enumerate(lines_of(file), start=1):
            yield line, f"{file}, line {number}"


def lines_of(file: Path) -> Iterator[str]:
    """Lines that are not empty. Raises DataError."""
    if not file.is_file():
        raise DataError(f"there is no file {file}")
    try:
        with file.open(encoding="utf-8") as text:
            yield from (line for line in text if line.strip())
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no text in UTF-8: {error}") from error


def sketch_of(line: str, where: str) -> Sketch:
    """The lines of a drawing, its larger side from 0 to 1; none if it is not recognised or flat. Raises DataError."""
    try:
        drawing = json.loads(line)
        strokes = [stroke_of(stroke) for stroke in drawing["drawing"]]
        recognised = drawing.get("recognized", True)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"{where}: no drawing of Quick, Draw! ({type(error).__name__})") from None
    kept = [stroke for stroke in strokes if len(stroke) >= LEAST_POINTS]
    if not recognised or not kept:
        return []
    points = np.concatenate(kept)
    low, side = points.min(axis=0), float(np.ptp(points, axis=0).max())
    middle = (1 - np.ptp(points, axis=0) / side) / 2 if side else 0
    return [((stroke - low) / side + middle).astype(np.float32) for stroke in kept] if side else []


def stroke_of(stroke: Any) -> NDArray[np.float64]:
    """[n,2] of a line's lists."""
    points = np.array([stroke[0], stroke[1]], np.float64).T
    if points.ndim != 2 or not np.isfinite(points).all():
        raise ValueError("no points")
    return points
