"""The feathered seam: what the painting misses at the hole's edge fades out inwards, within a few pixels.

Only the band around the seam needs work, so the picture is walked over in tiles, and tiles that the seam does not cross
are pasted or left. What a tile must know of far places, it sees in averages of 32 x 32 pixels made beforehand. The sums
are those of `fill_smoothly` over the whole picture; tiles change nothing but the order in which they are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Rgb, Size, size_of
from service.imaging.holes import Region
from service.imaging.membrane import halved_sums, spread, spread_into
from service.imaging.seam import RING_PIXELS, mismatch, ring

LEVELS = 5  # halvings within a tile
BLOCK_PIXELS = 2**LEVELS  # side of what is averaged beforehand; also what tiles overlap
TILE_PIXELS = 8 * BLOCK_PIXELS


@dataclass(frozen=True)
class Feather:
    """One composition. The pictures are [H,W,3] uint8, the holes [H,W]; `comparable` as in `compose`."""

    canvas: Rgb
    painted: Rgb
    hole: Hole
    comparable: Hole | None
    pixels: int  # where the fading ends

    def paint(self, completed: Rgb) -> None:
        """Write the hole's pixels into `completed`, which is as large as the canvas."""
        coarse = spread(self._far())
        for tile in _tiles(size_of(self.hole)):
            inside = self.hole[tile.slices] > 0
            if not inside.any():
                continue
            filling = self.painted[tile.slices]
            if not self.hole[tile.grown(self.pixels + 1, size_of(self.hole)).slices].all():
                correction = self._spread(tile, coarse) * self._fading(tile)[..., None]
                filling = np.clip(np.rint(filling + correction), 0, 255).astype(np.uint8)
            np.copyto(completed[tile.slices], filling, where=inside[..., None])

    def _far(self) -> Floats:
        """[H/32,W/32,4]: the mismatch of every block and the share of it that is known."""
        height, width = size_of(self.hole)
        far = np.zeros((-(-height // BLOCK_PIXELS), -(-width // BLOCK_PIXELS), 4), dtype=np.float32)
        for tile in _tiles((height, width)):
            near = self.hole[tile.grown(RING_PIXELS, (height, width)).slices]
            if near.any() and not near.all():
                means = self._levels(tile)[-1]
                y, x = tile.y0 // BLOCK_PIXELS, tile.x0 // BLOCK_PIXELS
                far[y : y + means.shape[0], x : x + means.shape[1]] = means
        return far

    def _levels(self, region: Region) -> list[Floats]:
        """The known mismatch of a region and its share, [h,w,4], at full size and halved LEVELS times."""
        levels = [self._known(region)]
        for _ in range(LEVELS):
            levels.append(halved_sums(levels[-1]))
        return levels

    def _known(self, region: Region) -> Floats:
        """[h,w,4]: the mismatch of a region, and 1 where it is known."""
        wide = region.grown(RING_PIXELS, size_of(self.hole))
        comparable = None if self.comparable is None else self.comparable[wide.slices]
        known = _cut(ring(self.hole[wide.slices], comparable), wide, region)
        return np.dstack((mismatch(self.canvas[region.slices], self.painted[region.slices], known), known))

    def _spread(self, tile: Region, coarse: Floats) -> Floats:
        """[h,w,3]: the mismatch carried to every pixel of a tile, from near and from far."""
        wide = tile.grown(BLOCK_PIXELS, size_of(self.hole))
        levels = self._levels(wide)
        y, x = wide.y0 // BLOCK_PIXELS, wide.x0 // BLOCK_PIXELS
        filled = coarse[y : y + levels[-1].shape[0], x : x + levels[-1].shape[1]]
        for level in reversed(levels[:-1]):
            filled = spread_into(level, filled)
        return _cut(filled, wide, tile)

    def _fading(self, tile: Region) -> Floats:
        """[h,w]: 1 at the hole's edge, 0 from `pixels` on."""
        wide = tile.grown(self.pixels + 1, size_of(self.hole))
        distance = cv2.distanceTransform(self.hole[wide.slices], cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
        left = np.clip(1 - _cut(distance, wide, tile) / self.pixels, 0, 1)
        return np.asarray(left * left * (3 - 2 * left), dtype=np.float32)


def _cut(array: NDArray[Any], region: Region, part: Region) -> NDArray[Any]:
    """A part of a region, out of the region's array."""
    return array[part.y0 - region.y0 :, part.x0 - region.x0 :][: part.height, : part.width]


def _tiles(size: Size) -> Iterator[Region]:
    """Squares that cover a picture; their corners lie on multiples of BLOCK_PIXELS."""
    height, width = size
    for y in range(0, height, TILE_PIXELS):
        for x in range(0, width, TILE_PIXELS):
            yield Region(x, y, min(x + TILE_PIXELS, width), min(y + TILE_PIXELS, height))
