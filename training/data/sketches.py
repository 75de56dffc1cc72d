"""Holes in the manner of Quick Draw: a sketch of hand-drawn lines, and a square beside it.

A sketch is a list of lines, each [n,2] float32: (x, y) in [0,1] of the frame. Without drawings of people's hands
sketches are drawn from a seed.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Sketch = list[NDArray[np.float32]]

SQUARE_SHARE = 85 / 256  # section 4.1 of Yoon et al. 2021: 85 of 256 px
LINE_SHARES = (4 / 256, 14 / 256)  # thickness of a line, of the frame's side
LINES = (2, 9)  # of a sketch that is drawn from a seed
STEPS = (4, 24)  # of a line
STEP_SHARES = (0.02, 0.08)  # length of a step, of the frame's side
MOST_TURN, BENDING = 0.9, 0.35  # radians: of a step, and of the line's lasting bend


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
