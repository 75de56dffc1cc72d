"""What can be done with a hole alone: grow it, split it into its components."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from service.imaging.arrays import Hole, Size, assert_plane, size_of

MOST_COMPONENTS = 64  # a mask may be dust: millions of parts, each as large as the canvas


@dataclass(frozen=True)
class Region:
    """A rectangle of canvas pixels: columns x0 to x1, rows y0 to y1, the ends not included."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def slices(self) -> tuple[slice, slice]:
        """array[region.slices] is the rectangle."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def grown(self, margin_pixels: int, size: Size) -> Region:
        """Wider by the margin on every side, cut at the borders of a picture of that size."""
        height, width = size
        return Region(
            max(self.x0 - margin_pixels, 0),
            max(self.y0 - margin_pixels, 0),
            min(self.x1 + margin_pixels, width),
            min(self.y1 + margin_pixels, height),
        )

    def within(self, window: Region) -> Region:
        """The same rectangle in the coordinates of another, larger one."""
        return Region(self.x0 - window.x0, self.y0 - window.y0, self.x1 - window.x0, self.y1 - window.y0)


def bounds(hole: Hole) -> Region | None:
    """The smallest rectangle that holds every hole pixel, or None for no hole."""
    assert_plane(hole)
    x, y, width, height = cv2.boundingRect(hole)
    return Region(x, y, x + width, y + height) if width else None


def components(hole: Hole, join_pixels: int = 0, most: int = MOST_COMPONENTS) -> list[Hole]:
    """The connected parts of a hole, largest first and at most `most`, each as a hole of the canvas' size.

    Parts with less than join_pixels between them count as one: neighbouring strokes belong together.
    """
    region = bounds(hole)
    if region is None:
        return []
    region = region.grown(join_pixels, size_of(hole))
    near = hole[region.slices]
    joined = dilate(near, join_pixels // 2) if join_pixels >= 2 else near
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    pixels = np.bincount(labels[near > 0], minlength=count)
    largest = [int(label) for label in np.argsort(-pixels, kind="stable")[:most] if label > 0 and pixels[label]]
    parts = []
    for label in largest:
        x, y, width, height = (int(value) for value in boxes[label][:4])
        window = slice(y, y + height), slice(x, x + width)
        part = np.zeros_like(hole)
        part[region.slices][window] = near[window] & (labels[window] == label)
        parts.append(part)
    return parts


def dilate(hole: Hole, radius_pixels: int) -> Hole:
    """The hole and everything within radius_pixels of it (a disc): the time does not depend on the radius."""
    region = bounds(hole)
    if region is None:
        return hole.copy()
    region = region.grown(radius_pixels, size_of(hole))
    distance = cv2.distanceTransform(1 - hole[region.slices], cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    grown = np.zeros_like(hole)
    grown[region.slices] = distance <= radius_pixels
    return grown
