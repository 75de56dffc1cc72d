"""What can be done with a hole alone: bound it, grow it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from service.imaging.arrays import Hole, Size, assert_plane, size_of


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
