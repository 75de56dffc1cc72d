"""Resampling under a similarity, without aliasing, at a cost that follows the smaller of the two pictures.

Whole source pixels are first averaged in blocks, then a slight blur removes what is left above the target's resolution,
then a cubic kernel reads the values. Pixel centres are respected throughout: where the similarity is a shift by whole
pixels, the result is the source, byte for byte.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Hole, Ids, Rgb, Size, Weights, size_of
from service.imaging.holes import Region

SUPPORT = 4  # pixels: reach of the cubic kernel and the blur, rounded up
NOTICEABLE = 0.1 / 255  # share of a hole pixel in a value: black or white there, it moves a tenth of a level

Pixels: TypeAlias = NDArray[Any]  # [h,w] or [h,w,3], uint8 or float32; what goes in comes out
Matrix: TypeAlias = NDArray[np.float64]  # [2,3]: source (x, y, 1) -> target (x, y)


def scale_of(matrix: Matrix) -> float:
    """Target pixels for one source pixel."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)


def apply(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N,2] -> [N,2]."""
    return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]


def warp_rgb(rgb: Rgb, matrix: Matrix, target: Region, *, border: int = cv2.BORDER_REFLECT) -> Rgb:
    """The target rectangle, [h,w,3] uint8. Outside the source: its reflection, or what border says."""
    region, block, inner = _plan(matrix, target, size_of(rgb))
    return np.asarray(_read(block_means(rgb[region.slices], block), inner, target, border), dtype=np.uint8)


def warp_hole(hole: Hole, matrix: Matrix, target: Region) -> Hole:
    """The target rectangle, [h,w] uint8. Whatever a hole pixel may have coloured in warp_rgb is hole."""
    region, block, inner = _plan(matrix, target, size_of(hole))
    reduced = block_maxima(hole[region.slices], block).astype(np.float32)
    colouring = np.abs(_read(reduced, inner, target, cv2.BORDER_REFLECT)) > NOTICEABLE
    touching = _sample(reduced, inner, target, cv2.INTER_LINEAR, cv2.BORDER_REFLECT) > NOTICEABLE
    return np.asarray(colouring | touching, dtype=np.uint8)


def warp_coverage(source: Size, matrix: Matrix, target: Region) -> Hole:
    """The target rectangle, [h,w] uint8: 1 where the pixel's centre lies inside the source picture."""
    ones = np.ones(source, dtype=np.uint8)
    return np.asarray(_sample(ones, matrix, target, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT), dtype=np.uint8)


def warp_ids(ids: Ids, matrix: Matrix, target: Region) -> Ids:
    """The target rectangle, [h,w] uint8, by nearest neighbour; 0 outside the source."""
    return np.asarray(_sample(ids, matrix, target, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT), dtype=np.uint8)


def warp_weights(weights: Weights, matrix: Matrix, target: Region) -> Weights:
    """The target rectangle, [h,w] in 0..255, bilinear; 0 outside the source."""
    return np.asarray(_sample(weights, matrix, target, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT), dtype=np.uint8)


def footprint(matrix: Matrix, source: Size) -> tuple[float, float, float, float]:
    """The rectangle x0, y0, x1, y1 in target pixels that the source's four outer corners span."""
    height, width = source
    corners = np.array([(x, y) for x in (-0.5, width - 0.5) for y in (-0.5, height - 0.5)])
    low, high = apply(matrix, corners).min(axis=0), apply(matrix, corners).max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _plan(matrix: Matrix, target: Region, source: Size) -> tuple[Region, int, Matrix]:
    """The source rectangle that is needed, the side of the blocks to average, and the matrix from blocks to target."""
    block = max(1, int(1 / scale_of(matrix) + 1e-6))
    region = _needed(matrix, target, source, SUPPORT * block)
    from_blocks = np.array(
        [[block, 0, region.x0 + (block - 1) / 2], [0, block, region.y0 + (block - 1) / 2], [0, 0, 1]]
    )
    return region, block, matrix @ from_blocks


def _needed(matrix: Matrix, target: Region, source: Size, margin_pixels: int) -> Region:
    """Source pixels under the target, and those whose reflection at the border lies under it."""
    shifted = inverse(matrix).copy()
    shifted[:, 2] += shifted[:, :2] @ (target.x0, target.y0)
    x0, y0, x1, y1 = footprint(shifted, (target.height, target.width))
    height, width = source
    left, right = _span(x0 - margin_pixels, x1 + margin_pixels, width)
    top, bottom = _span(y0 - margin_pixels, y1 + margin_pixels, height)
    return Region(left, top, right, bottom)


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    start, end = int(np.floor(max(min(low, 2 * length - high), 0))), int(np.ceil(min(max(high, -low), length)))
    return (0, length) if end <= start else (start, end)


def _read(reduced: Pixels, matrix: Matrix, target: Region, border: int) -> Pixels:
    shrink = 1 / scale_of(matrix)
    if shrink > 1.001:
        sigma = 0.5 * float(np.sqrt(shrink**2 - 1))
        reduced = np.asarray(
            cv2.GaussianBlur(reduced, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), dtype=reduced.dtype
        )
    return _sample(reduced, matrix, target, cv2.INTER_CUBIC, border)


def _sample(reduced: Pixels, matrix: Matrix, target: Region, method: int, border: int) -> Pixels:
    shifted = matrix.copy()
    shifted[:, 2] -= (target.x0, target.y0)
    size = (target.width, target.height)
    return np.asarray(cv2.warpAffine(reduced, shifted, size, flags=method, borderMode=border), dtype=reduced.dtype)


def block_means(rgb: Rgb, block: int) -> Rgb:
    """Of squares of that side; the far ends are reflected to whole squares."""
    if block == 1:
        return rgb
    whole = _whole_blocks(rgb, block)
    size = (whole.shape[1] // block, whole.shape[0] // block)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def block_maxima(hole: Hole, block: int) -> Hole:
    """As block_means: 1 where a square holds any hole."""
    if block == 1:
        return hole
    whole = _whole_blocks(hole, block)
    height, width = whole.shape
    rows = np.maximum.reduce(whole.reshape(height // block, block, width), axis=1)
    return np.asarray(np.maximum.reduce(rows.reshape(height // block, width // block, block), axis=2), dtype=np.uint8)


def _whole_blocks(array: NDArray[np.uint8], block: int) -> NDArray[np.uint8]:
    """Reflected at the far ends to a multiple of the block."""
    height, width = size_of(array)
    below, right = -height % block, -width % block
    if not below and not right:
        return array
    return np.asarray(cv2.copyMakeBorder(array, 0, below, 0, right, cv2.BORDER_REFLECT), dtype=np.uint8)
