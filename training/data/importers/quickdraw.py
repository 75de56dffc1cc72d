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

from training.data.sketches import Sketch
from training.data.table import DataError

LEAST_POINTS = 2  # of a line


@dataclass(frozen=True)
class Drawings:
    """What was read."""

    sketches: list[Sketch]
    left_out: int  # drawings that were not recognised, or have no line


def read_drawings(files: Sequence[Path], count: int | None = None) -> Drawings:
    """The first `count` good drawings of the files, in their order. Raises DataError that names the first bad line."""
    sketches: list[Sketch] = []
    left_out = 0
    for file in files:
        for number, line in enumerate(lines_of(file), start=1):
            if count is not None and len(sketches) == count:
                return Drawings(sketches, left_out)
            sketch = sketch_of(line, f"{file}, line {number}")
            sketches += [sketch] if sketch else []
            left_out += not sketch
    if not sketches:
        raise DataError(f"{', '.join(map(str, files))}: no drawing that can be used")
    return Drawings(sketches, left_out)


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
