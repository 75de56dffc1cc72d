"""Which frame fills which part of a hole: faces first, then squares around what is left. Pure arrays, no engine."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Hole, size_of
from service.imaging.geometry import FrameTransform
from service.imaging.holes import Region, bounds, dilate

Owners = NDArray[np.uint8]  # of a region: the index of the frame that fills a pixel, NOBODY where none reaches
NOBODY = 255
STRIP_ROWS = 256  # distances are computed strip by strip, so that 25 megapixels need no 25 million floats
MOST_PARTS = 64
NEAR = 0.5  # two holes share a square when the gap between them is less than this share of the larger one's extent


def owners(transforms: Sequence[FrameTransform], region: Region) -> Owners:
    """For every canvas pixel of `region`, the frame whose centre is nearest, measured in that frame's own pixels."""
    assert len(transforms) < NOBODY
    owned = np.full((region.height, region.width), NOBODY, np.uint8)
    columns = np.arange(region.x0, region.x1, dtype=np.float32)[None, :]
    for top in range(0, region.height, STRIP_ROWS):
        strip = owned[top : top + STRIP_ROWS]
        rows = np.arange(region.y0 + top, region.y0 + top + len(strip), dtype=np.float32)[:, None]
        nearest = np.ones(strip.shape, np.float32)
        for index, transform in enumerate(transforms):
            distance = _distance(transform, columns, rows)
            closer = distance < nearest
            strip[closer] = index
            nearest[closer] = distance[closer]
    return owned


def reaches_beyond(hole: Hole, transforms: Sequence[FrameTransform]) -> bool:
    """Whether hole pixels lie outside all of the frames."""
    region = bounds(hole)
    assert region is not None, "an empty hole was refused when it was decoded"
    outside = owners(transforms, region) == NOBODY
    return bool((hole[region.slices] * outside).any())


def _distance(
    transform: FrameTransform, columns: NDArray[np.float32], rows: NDArray[np.float32]
) -> NDArray[np.float32]:
    """From the frame's centre, 1 at its border, the larger of the two axes."""
    half = transform.frame_pixels / 2
    matrix = transform.matrix.astype(np.float32)
    across = np.abs(matrix[0, 0] * columns + matrix[0, 1] * rows + (matrix[0, 2] - half + 0.5))
    down = np.abs(matrix[1, 0] * columns + matrix[1, 1] * rows + (matrix[1, 2] - half + 0.5))
    farther: NDArray[np.float32] = np.maximum(across, down) / np.float32(half)
    return farther


def squares(hole: Hole, max_squares: int) -> list[Region]:
    """The bounds of the hole's parts, at most `max_squares`: near parts are joined, the nearest first."""
    parts = _parts(hole)
    while (pair := _nearest_pair(parts)) is not None:
        first, second, near = pair
        if not near and len(parts) <= max_squares:
            break
        joined = _union(parts[first], parts[second])
        parts = [part for index, part in enumerate(parts) if index not in (first, second)] + [joined]
    return parts


def _parts(hole: Hole) -> list[Region]:
    """Bounds of the connected parts. Dust is swept together until a bounded number of parts is left."""
    whole = bounds(hole)
    if whole is None:
        return []
    near = hole[whole.slices]
    joined, radius_pixels = near, 4
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    while count - 1 > MOST_PARTS and radius_pixels < max(size_of(near)):
        joined = dilate(near, radius_pixels)
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        radius_pixels *= 2
    if count - 1 > MOST_PARTS:
        return [whole]
    return [_exact(near, labels == label, boxes[label].tolist(), whole) for label in range(1, count)]


def _exact(near: Hole, part: NDArray[np.bool_], box: Sequence[int], whole: Region) -> Region:
    """A part's bounds without the margin that joining added."""
    left, top, width, height = box[:4]
    window = slice(top, top + height), slice(left, left + width)
    tight = bounds(near[window] * part[window].astype(np.uint8))
    assert tight is not None
    x, y = whole.x0 + left, whole.y0 + top
    return Region(tight.x0 + x, tight.y0 + y, tight.x1 + x, tight.y1 + y)


def _nearest_pair(parts: Sequence[Region]) -> tuple[int, int, bool] | None:
    """The two parts with the smallest gap for their size, and whether that is near."""
    pairs = [
        (_gap(parts[first], parts[second]), first, second)
        for first in range(len(parts))
        for second in range(first + 1, len(parts))
    ]
    if not pairs:
        return None
    gap, first, second = min(pairs)
    return first, second, gap < NEAR


def _gap(one: Region, other: Region) -> float:
    """Pixels between two rectangles, in extents of the larger one; 0 when they touch."""
    across = max(one.x0 - other.x1, other.x0 - one.x1, 0)
    down = max(one.y0 - other.y1, other.y0 - one.y1, 0)
    return max(across, down) / max(one.width, one.height, other.width, other.height)


def _union(one: Region, other: Region) -> Region:
    return Region(min(one.x0, other.x0), min(one.y0, other.y0), max(one.x1, other.x1), max(one.y1, other.y1))
