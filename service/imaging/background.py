"""Fills what no face covers: walls, sky, grass, clothes. No network: the best guess is a piece of the same picture.

Wide parts are filled by patches (pyramid.py) on a copy of bounded size. What that finds is where every pixel's patch
comes from, so the pixels themselves, grain and all, are copied at full size. Thin parts (scratches, dust) are filled by
OpenCV's inpainting after Navier and Stokes; where nothing can be copied, the colours around the part go on smoothly.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.compose import compose
from service.imaging.holes import Region, bounds, dilate
from service.imaging.membrane import fill_smoothly
from service.imaging.patches import Indices
from service.imaging.pyramid import fill_by_patches
from service.imaging.seam import RING_PIXELS
from service.imaging.warp import block_maxima, block_means

THIN_PIXELS = 3.0  # a part in which no pixel lies deeper is thin, and so it is ...
THIN_SHARE = 1 / 800  # ... when none lies deeper than this share of the longer side
THIN_REACH_PIXELS = 3  # so far around a pixel of a thin part is looked
THIN_MARGIN_PIXELS = (
    8  # other holes nearer than that count as unknown; what stands in them is as far away as it need be
)
MOST_SOLVED_PIXELS = 10_000  # of the hole, on the copy
MOST_WINDOW_PIXELS = 90_000  # of the copy
LEAST_MARGIN_PIXELS = 32  # around a part, for patches to copy
FEATHER_BLOCKS = 4  # what is left of a seam fades within so many pixels of the copy
LEAST_KNOWN_SHARE = 0.25  # of a square, for its mean to be exact
ROWS = 256  # copied at a time


def thin_parts(hole: Hole) -> Hole:
    """The connected parts of a hole that are thin everywhere."""
    assert_plane(hole)
    thin = np.zeros_like(hole)
    region = bounds(hole)
    if region is None:
        return thin
    near = np.pad(hole[region.slices], 1)
    _, labels = cv2.connectedComponents(near, connectivity=8)
    depth = cv2.distanceTransform(near, cv2.DIST_L2, cv2.DIST_MASK_3)
    wide = np.zeros(int(labels.max()) + 1, np.bool_)
    wide[labels[depth > max(THIN_PIXELS, THIN_SHARE * max(size_of(hole)))]] = True
    thin[region.slices] = (near * ~wide[labels])[1:-1, 1:-1]
    return thin


def fill_thin(rgb: Rgb, thin: Hole, hole: Hole) -> None:
    """Fill thin parts in place; `hole` is all that is unknown."""
    region = bounds(thin)
    if region is None:
        return
    near = region.grown(THIN_MARGIN_PIXELS, size_of(hole)).slices
    unknown = hole[near] & dilate(thin[near], THIN_MARGIN_PIXELS)
    filled = cv2.inpaint(rgb[near], unknown, THIN_REACH_PIXELS, cv2.INPAINT_NS)
    np.copyto(rgb[near], filled, where=thin[near][..., None] > 0)


def fill_wide(rgb: Rgb, hole: Hole, barred: Hole, part: Region) -> Rgb:
    """A copy of the rectangle `part`, its hole filled; what stands in the hole plays no part.

    Nothing is copied from barred pixels ([H,W], 1 = barred): faces, and what is transparent. Patches come from a window
    around the part, or from the whole picture when the window has none. The time hardly grows with the picture: only
    shrinking the window and copying the pixels take more. Equal input, equal answer.
    """
    assert_rgb(rgb)
    assert_plane(hole, size_of(rgb))
    assert_plane(barred, size_of(rgb))
    whole = Region(0, 0, size_of(hole)[1], size_of(hole)[0])
    margin_pixels = max(part.width, part.height, LEAST_MARGIN_PIXELS)
    for window in (part.grown(margin_pixels, size_of(hole)), whole):
        near = window.slices
        painting = _patched(rgb[near], hole[near], barred[near], part.within(window))
        if painting is not None:
            return painting
    return _smooth(rgb, hole, part)


def _patched(rgb: Rgb, hole: Hole, barred: Hole, part: Region) -> Rgb | None:
    """The part of a window, or None when the window has no patch to copy."""
    block = _block(hole)
    small = block_means(rgb, block)
    solved = fill_by_patches(small, block_maxima(hole, block), block_maxima(barred, block))
    if solved is None:
        return None
    near = part.grown(RING_PIXELS, size_of(hole))
    copied = _Copying(rgb, *solved, block).rectangle(near)
    filled = compose(rgb[near.slices], copied, hole[near.slices], feather_pixels=FEATHER_BLOCKS * block)
    return filled[part.within(near).slices]


def _block(hole: Hole) -> int:
    """The side of the squares that become one pixel of the copy."""
    too_much = max(np.count_nonzero(hole) / MOST_SOLVED_PIXELS, hole.size / MOST_WINDOW_PIXELS)
    return math.ceil(math.sqrt(max(too_much, 1)))


class _Copying:
    """Every pixel's colour, read where the copies' nodes around it say; between nodes that differ, a mixture."""

    def __init__(self, rgb: Rgb, values: Floats, field: Indices, block: int) -> None:
        self._rgb, self._values, self._block = rgb, values, block
        rows, columns = np.indices(field.shape, dtype=np.int32)
        self._down = ((field // field.shape[1] - rows) * block).astype(np.int16)
        self._across = ((field % field.shape[1] - columns) * block).astype(np.int16)

    def rectangle(self, region: Region) -> Rgb:
        if self._block == 1:
            return np.asarray(np.clip(np.rint(self._values[region.slices]), 0, 255), dtype=np.uint8)
        copied = np.empty((region.height, region.width, 3), np.uint8)
        for top in range(region.y0, region.y1, ROWS):
            rows = np.arange(top, min(top + ROWS, region.y1))
            columns = np.arange(region.x0, region.x1)
            copied[rows[0] - region.y0 : rows[-1] + 1 - region.y0] = self._strip(rows, columns)
        return copied

    def _strip(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Rgb:
        sums = np.zeros((len(rows), len(columns), 3), np.float32)
        for node_rows, heights in self._nodes(rows, 0):
            for node_columns, widths in self._nodes(columns, 1):
                weight = (heights[:, None] * widths[None, :]).astype(np.float32)
                node = np.ix_(node_rows, node_columns)
                sums += weight[..., None] * self._read(rows[:, None] + self._down[node], columns + self._across[node])
        return np.asarray(np.clip(np.rint(sums), 0, 255), dtype=np.uint8)

    def _nodes(self, pixels: NDArray[np.int64], axis: int) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """The node before and the node behind each row or column, and how much each counts."""
        place = (pixels + 0.5) / self._block - 0.5
        before = np.floor(place).astype(np.int64)
        last = self._down.shape[axis] - 1
        nearness = place - before
        return [(np.clip(before, 0, last), 1 - nearness), (np.clip(before + 1, 0, last), nearness)]

    def _read(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> Rgb:
        maps = np.dstack((columns, rows)).astype(np.int16)
        unused = np.empty(0, np.uint16)  # a second map, for places between pixels
        read = cv2.remap(self._rgb, maps, unused, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(read, dtype=np.uint8)


def _smooth(rgb: Rgb, hole: Hole, part: Region) -> Rgb:
    """Without a patch to copy: what is known around the part goes on smoothly."""
    whole = Region(0, 0, size_of(hole)[1], size_of(hole)[0])
    window = part.grown(max(part.width, part.height, LEAST_MARGIN_PIXELS), size_of(hole))
    window = whole if hole[window.slices].all() else window
    near = part.grown(RING_PIXELS, size_of(hole))
    painted, block = _spread(rgb[window.slices], hole[window.slices])
    fitting = painted[near.within(window).slices]
    filled = compose(rgb[near.slices], fitting, hole[near.slices], feather_pixels=FEATHER_BLOCKS * block)
    return filled[part.within(near).slices]


def _spread(rgb: Rgb, hole: Hole) -> tuple[Rgb, int]:
    """What is known, carried into the hole on a small copy and enlarged again; and how many pixels made one of it."""
    block = math.ceil(math.sqrt(max(1, hole.size / MOST_WINDOW_PIXELS)))
    known = 1 - hole
    share = block_means(np.repeat(255 * known[..., None], 3, axis=2), block).astype(np.float32) / 255
    sums = block_means(rgb * known[..., None], block).astype(np.float32)
    means = np.asarray(sums / np.maximum(share, np.float32(1e-6)), dtype=np.float32)
    seen = share[..., 0] >= min(LEAST_KNOWN_SHARE, float(share.max()))
    values = np.clip(np.rint(fill_smoothly(means, seen)), 0, 255).astype(np.uint8)
    size = values.shape[1] * block, values.shape[0] * block
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8), block
