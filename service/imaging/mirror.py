"""What is missing beside a face, taken from the face's other side: hair, an ear, the neck, what lies behind.

Networks know holes on a face. Where one side of a head is missing as a whole, with all that surrounds it, they paint
a pale nothing there, and a dark line where they guess the jaw. The other side is a better guess, for the eye and in
figures, and beside it the face itself comes out well: what is left of the hole lies on the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from service.imaging.arrays import Floats, Hole, Points, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.holes import Region, bounds
from service.imaging.regions import beside_head, eyes_and_down
from service.imaging.seam import Mask

JAW = slice(0, 17)
BRIDGE, CHIN = 27, 8  # the line between them parts a face that is turned, too
MOST_STRETCHED = 3.0  # one side against the other: a face turned further away shows no second side
WIDE = 2.5  # lengths from eyes to mouth, more than half a frame: less is filled better from its edges
STRIP_ROWS = 256  # of a large picture, mapped at a time


@dataclass(frozen=True)
class Mirror:
    """The line that parts a face, in the pixels of its landmarks, and how wide its sides are."""

    origin: tuple[float, float]
    axis: tuple[float, float]  # unit vector down the face
    stretch: float  # the right side's width, as it stands in the picture, for one of the left

    def sources(self, region: Region) -> tuple[Floats, Floats]:
        """x and y, [h,w] each, of the pixels that lie opposite to those of a rectangle."""
        x = np.arange(region.x0, region.x1, dtype=np.float32)[None, :] - np.float32(self.origin[0])
        y = np.arange(region.y0, region.y1, dtype=np.float32)[:, None] - np.float32(self.origin[1])
        down_x, down_y = (np.float32(value) for value in self.axis)
        across, along = x * down_y - y * down_x, x * down_x + y * down_y
        opposite = np.where(across > 0, -across / np.float32(self.stretch), -across * np.float32(self.stretch))
        source_x = np.float32(self.origin[0]) + opposite * down_y + along * down_x
        source_y = np.float32(self.origin[1]) - opposite * down_x + along * down_y
        return np.asarray(source_x, dtype=np.float32), np.asarray(source_y, dtype=np.float32)


def mirror_of(landmarks: Points) -> Mirror | None:
    """The mirror of [68,2] landmarks; None of a face that is turned too far for its sides to be alike."""
    axis = landmarks[CHIN] - landmarks[BRIDGE]
    axis = axis / max(float(np.hypot(*axis)), 1e-6)
    across = (landmarks[JAW] - landmarks[BRIDGE]) @ (axis[1], -axis[0])
    left, right = -float(across.min()), float(across.max())
    if min(left, right) <= 0 or max(left, right) > MOST_STRETCHED * min(left, right):
        return None
    x, y = landmarks[BRIDGE]
    return Mirror((float(x), float(y)), (float(axis[0]), float(axis[1])), right / left)


def wanted(hole: Hole, landmarks: Points) -> Hole:
    """[F,F] {0,1}: the wide parts of a frame's hole beside the head. The hole goes on beyond the frame as it ends."""
    assert_plane(hole)
    _, down = eyes_and_down(landmarks)
    radius = WIDE / 2 * float(np.hypot(*down))
    margin = int(radius) + 1
    around = cv2.copyMakeBorder(hole, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    deep = cv2.distanceTransform(around, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > radius
    if not deep.any():
        return np.zeros_like(hole)
    away = cv2.distanceTransform((~deep).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    wide = (away <= radius)[margin:-margin, margin:-margin]
    return np.asarray(hole & beside_head(landmarks, size_of(hole)[0]) & wide, dtype=np.uint8)


def lend(rgb: Rgb, hole: Hole, mirror: Mirror, among: Hole, region: Region) -> tuple[Rgb, Hole]:
    """A rectangle of a picture with the pixels `among` it [h,w] taken from opposite, and [h,w] {0,1} which were.

    What has nothing known opposite, or lies opposite to what is beyond the picture, stays. Nothing of the hole is read.
    """
    assert_rgb(rgb)
    assert_plane(hole, size_of(rgb))
    assert_plane(among, (region.height, region.width))
    picture, lent = rgb[region.slices].copy(), np.zeros_like(among)
    for top in range(0, region.height, STRIP_ROWS):
        rows = slice(top, min(top + STRIP_ROWS, region.height))
        tight = bounds(among[rows])
        if tight is None:
            continue
        part = Region(
            region.x0 + tight.x0, region.y0 + top + tight.y0, region.x0 + tight.x1, region.y0 + top + tight.y1
        )
        taken, known = _opposite(rgb, hole, mirror, part)
        inner = part.within(region).slices
        mine = known & (among[inner] > 0)
        np.copyto(picture[inner], taken, where=mine[..., None])
        lent[inner] = mine
    return picture, lent


def _opposite(rgb: Rgb, hole: Hole, mirror: Mirror, part: Region) -> tuple[Rgb, Mask]:
    """What lies opposite to a rectangle, [h,w,3], and [h,w] where it is known."""
    x, y = mirror.sources(part)
    height, width = size_of(hole)
    left, top = max(0, int(x.min()) - 2), max(0, int(y.min()) - 2)
    right, bottom = min(width, int(x.max()) + 3), min(height, int(y.max()) + 3)
    if left >= right or top >= bottom:
        return np.zeros((part.height, part.width, 3), np.uint8), np.zeros((part.height, part.width), bool)
    window = Region(left, top, right, bottom).slices
    x, y = x - np.float32(left), y - np.float32(top)
    taken = cv2.remap(rgb[window], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    missing = cv2.remap(
        hole[window] * np.uint8(255), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(255,)
    )
    return np.asarray(taken, dtype=np.uint8), missing == 0
