"""Holes in the manner of Quick Draw: a sketch of hand-drawn lines, and a square beside it.

A sketch is a list of lines, each [n,2] float32: (x, y) in [0,1] of the frame. Without drawings of people's hands
sketches are drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from training.checkpoint import write_atomically
from training.data.table import DataError

Sketch = list[NDArray[np.float32]]

SQUARE_SHARE = 85 / 256  # section 4.1 of Yoon et al. 2021: 85 of 256 px
LINE_SHARES = (4 / 256, 14 / 256)  # thickness of a line, of the frame's side
LINES = (2, 9)  # of a sketch that is drawn from a seed
STEPS = (4, 24)  # of a line
STEP_SHARES = (0.02, 0.08)  # length of a step, of the frame's side
ARRAYS = ("points", "line_ends", "sketch_ends")
MOST_TOGETHER = 3  # drawings in one hole
MOST_TURN, BENDING = 0.9, 0.35  # radians: of a step, and of the line's lasting bend


class Sketches:
    """Drawings in a file of training.prepare quickdraw: points float32 [N,2], where each line and each drawing ends."""

    def __init__(self, file: Path) -> None:
        """Raises DataError for a file of something else."""
        try:
            arrays = safetensors.numpy.load_file(file)
            self.points, self.line_ends, self.sketch_ends = (arrays[name] for name in ARRAYS)
        except (OSError, safetensors.SafetensorError, KeyError) as error:
            raise DataError(f"{file} is no file of sketches, as training.prepare quickdraw writes them") from error

    def __len__(self) -> int:
        return len(self.sketch_ends)

    def __getitem__(self, index: int) -> Sketch:
        first = int(self.sketch_ends[index - 1]) if index else 0
        ends = self.line_ends[first : int(self.sketch_ends[index])].tolist()
        begin = int(self.line_ends[first - 1]) if first else 0
        return [np.array(line) for line in np.split(self.points[begin : ends[-1]], np.array(ends[:-1]) - begin)]

    def pick(self, rng: np.random.Generator) -> Sketch:
        """The lines of one to MOST_TOGETHER drawings."""
        chosen = rng.integers(len(self), size=int(rng.integers(1, MOST_TOGETHER, endpoint=True)))
        return [line for index in chosen.tolist() for line in self[index]]


def save_sketches(file: Path, sketches: Sequence[Sketch]) -> None:
    """What `Sketches` reads."""
    lines = [line for sketch in sketches for line in sketch]
    arrays = (
        np.concatenate(lines).astype(np.float32),
        np.cumsum([len(line) for line in lines]),
        np.cumsum([len(sketch) for sketch in sketches]),
    )
    stored = safetensors.numpy.save(dict(zip(ARRAYS, arrays, strict=True)))
    write_atomically(file, lambda beside: beside.write_bytes(stored))


def draw_sketch(rng: np.random.Generator) -> Sketch:
    """Lines that bend like a hand's."""
    return [draw_line(rng) for _ in range(int(rng.integers(*LINES, endpoint=True)))]


def draw_line(rng: np.random.Generator) -> NDArray[np.float32]:
    """[n,2]: a walk whose direction changes little from step to step, kept inside the frame."""
    count = int(rng.integers(*STEPS, endpoint=True))
    turns = rng.uniform(-MOST_TURN, MOST_TURN, count) + rng.uniform(-BENDING, BENDING)
    angles = rng.uniform(0, 2 * np.pi) + np.cumsum(turns)
    steps = rng.uniform(*STEP_SHARES, count)[:, None] * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    points = rng.uniform(0.05, 0.95, 2) + np.concatenate((np.zeros((1, 2)), np.cumsum(steps, axis=0)))
    return np.clip(points, 0, 1).astype(np.float32)


def sketch_hole(sketch: Sketch, rng: np.random.Generator, pixels: int) -> NDArray[np.uint8]:
    """[P,P] {0,1}: the lines, each of its own thickness, and a square of SQUARE_SHARE at a random place."""
    hole = np.zeros((pixels, pixels), np.uint8)
    for line in sketch:
        thickness = max(1, round(float(rng.uniform(*LINE_SHARES)) * pixels))
        points = np.round(line * (pixels - 1)).astype(np.int32)
        cv2.polylines(hole, [points.reshape(-1, 1, 2)], False, 1, thickness)
    side = round(SQUARE_SHARE * pixels)
    x, y = (int(edge) for edge in rng.integers(0, pixels - side + 1, 2))
    hole[y : y + side, x : x + side] = 1
    return hole
