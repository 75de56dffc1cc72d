"""Patches from coarse to fine: large shapes are settled on a small copy, each finer one follows the one before."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Rgb, Size
from service.imaging.patches import Indices, Level, Match, allowed_middles, peel
from service.imaging.seam import Mask

THIN_PIXELS = 2.0  # depth of the hole at which the coarsest level begins
SMALLEST_SIDE_PIXELS = 12  # of a level
ROUGHNESS_PIXELS = 9  # side of the square over which the roughness is averaged
ROUGHNESS_WEIGHT = 2.0  # against colours. Without it the smoothest patch, which offends least, is everybody's darling
COARSEST_ROUNDS, ROUNDS, FINEST_ROUNDS = 10, 5, 4  # of searching and voting


def fill_by_patches(rgb: Rgb, hole: Hole, barred: Hole) -> tuple[Floats, Indices] | None:
    """The filled picture [h,w,3] in 0..255, and [h,w] the pixel that each pixel's patch is taken from.

    Nothing that is hole or barred is copied from; barred pixels are seen, though. None when no patch is left to copy.
    The time follows the hole: 10,000 pixels take about half a second. Equal input, equal answer.
    """
    levels = _levels(rgb, hole > 0, barred > 0)
    if not levels:
        return None
    coarsest = levels[-1]
    peel(coarsest)
    match = Match(coarsest)
    _settle(match, COARSEST_ROUNDS)
    for coarse, level in zip(levels[:0:-1], levels[-2::-1], strict=True):
        match = Match(level, _doubled(match.field(), coarse.size, level.size))
        match.vote()
        _settle(match, FINEST_ROUNDS if level is levels[0] else ROUNDS)
    return levels[0].values[..., :3], match.field()


def _settle(match: Match, rounds: int) -> None:
    for _ in range(rounds):
        match.search()
        match.vote()


def _levels(rgb: Rgb, hole: Mask, barred: Mask) -> Sequence[Level]:
    """The finest first; halved until the hole is thin, as long as there are patches to copy."""
    values = np.dstack((rgb.astype(np.float32), _roughness(rgb, hole)))
    levels = []
    while (allowed := allowed_middles(hole | barred)).any():
        levels.append(Level(values, hole, allowed))
        depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3).max()
        if depth <= THIN_PIXELS or min(hole.shape) < 2 * SMALLEST_SIDE_PIXELS:
            break
        values, hole, barred = _halved(values, hole, barred)
    return levels


def _roughness(rgb: Rgb, hole: Mask) -> Floats:
    """[h,w,2]: how much neighbours differ, across and down, around each known pixel."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    known = (cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0).astype(np.float32)
    square = ROUGHNESS_PIXELS, ROUGHNESS_PIXELS
    share = np.maximum(cv2.boxFilter(known, -1, square), np.float32(1e-3))
    slopes = [np.abs(cv2.Sobel(grey, cv2.CV_32F, *axis, scale=0.25)) * known for axis in ((1, 0), (0, 1))]
    return np.dstack([cv2.boxFilter(slope, -1, square) / share * ROUGHNESS_WEIGHT for slope in slopes])


def _halved(values: Floats, hole: Mask, barred: Mask) -> tuple[Floats, Mask, Mask]:
    """Means of the known pixels in blocks of 2 x 2. A block is hole when more than half of it is."""
    size = (hole.shape[1] + 1) // 2, (hole.shape[0] + 1) // 2
    known = (~hole).astype(np.float32)
    share = _block_means(known, size)
    means = _block_means(values * known[..., None], size) / np.maximum(share, np.float32(1e-6))[..., None]
    return np.asarray(means, np.float32), share < 0.5, _block_means(barred.astype(np.float32), size) > 0


def _block_means(plane: Floats, size: tuple[int, int]) -> Floats:
    """Of blocks of 2 x 2; an odd last row or column is taken twice."""
    below, right = 2 * size[1] - plane.shape[0], 2 * size[0] - plane.shape[1]
    even = cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _doubled(field: Indices, coarse: Size, fine: Size) -> NDArray[np.int32]:
    """A coarse level's answers as guesses for the next: as far away, measured in finer pixels."""
    rows, columns = np.indices(fine, dtype=np.int32)
    row, column = rows // 2, columns // 2
    answer = field[row, column]
    down, across = answer // coarse[1] - row, answer % coarse[1] - column
    far_row = np.clip(rows + 2 * down, 0, fine[0] - 1)
    far_column = np.clip(columns + 2 * across, 0, fine[1] - 1)
    return np.asarray(far_row * fine[1] + far_column, dtype=np.int32)
