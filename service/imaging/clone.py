"""The seamless clone: the mismatch at the hole's edge, carried over the whole hole by a harmonic function.

A harmonic function is smooth away from the edge. So over a large hole it is solved on a smaller copy, and what is then
still missed at the edge itself is feathered.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Rgb, size_of
from service.imaging.feather import Feather
from service.imaging.membrane import solve_laplace
from service.imaging.seam import Mask, mismatch, ring

MOST_SOLVED_PIXELS = 2**20  # of the hole's bounds, at full size
EDGE_PIXELS = 16  # over which the rest of the mismatch fades
FRACTIONS = 64  # of a grey level, in differences kept as 16-bit numbers
ROWS = 256  # corrected at a time


def clone(canvas: Rgb, painted: Rgb, hole: Hole, comparable: Hole | None, completed: Rgb) -> None:
    """Write the hole's pixels into `completed`. The pictures are [H,W,3] uint8; `comparable` as in `compose`."""
    height, width = size_of(hole)
    known, inside = ring(hole, comparable), hole > 0
    if height * width <= MOST_SOLVED_PIXELS:
        correction = solve_laplace(mismatch(canvas, painted, known), known, inside)
        filling = np.clip(np.rint(painted + correction), 0, 255).astype(np.uint8)
        np.copyto(completed, filling, where=inside[..., None])
        return
    coarse = _coarse(canvas, painted, known, inside)
    Feather(canvas, _corrected(painted, coarse), hole, comparable, EDGE_PIXELS).paint(completed)


def _coarse(canvas: Rgb, painted: Rgb, known: Mask, inside: Mask) -> Floats:
    """[h,w,3]: the harmonic correction on a copy of at most MOST_SOLVED_PIXELS."""
    height, width = known.shape
    shrink = (height * width / MOST_SOLVED_PIXELS) ** 0.5
    size = max(1, int(width / shrink)), max(1, int(height / shrink))
    share = _reduced(known.astype(np.uint8) * np.uint8(255), size) / 255
    missed = np.subtract(canvas, painted, dtype=np.int16)
    missed *= known[..., None] * np.int16(FRACTIONS)
    values = _reduced(missed, size) / FRACTIONS / np.maximum(share, np.float32(1e-6))[..., None]
    seen = share > 0
    within = (_reduced(inside.astype(np.uint8) * np.uint8(255), size) > 0) & ~seen
    return solve_laplace(np.asarray(values * seen[..., None], np.float32), seen, within)


def _reduced(plane: NDArray[np.uint8] | NDArray[np.int16], size: tuple[int, int]) -> Floats:
    """Means over the pixels of a smaller copy."""
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _corrected(painted: Rgb, coarse: Floats) -> Rgb:
    """The painting with the correction, spread over it by bilinear interpolation; in 16 bits, to save memory."""
    whole = np.rint(coarse * FRACTIONS).astype(np.int16)
    correction = cv2.resize(whole, painted.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    corrected = np.empty_like(painted)
    for top in range(0, len(painted), ROWS):
        rows = slice(top, top + ROWS)
        sums = painted[rows] + correction[rows].astype(np.float32) / FRACTIONS
        corrected[rows] = np.clip(np.rint(sums), 0, 255)
    return corrected
