"""Canvas <-> face frame: the similarity (turn, scale, shift) that lays a face where the networks expect it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from service.errors import BadLandmarks
from service.imaging.arrays import Floats, Hole, Ids, Points, Rgb, Size, Weights, assert_plane, assert_rgb, size_of
from service.imaging.faces import FaceBox
from service.imaging.holes import Region
from service.imaging.warp import (
    Matrix,
    apply,
    footprint,
    inverse,
    scale_of,
    warp_coverage,
    warp_hole,
    warp_ids,
    warp_rgb,
    warp_weights,
)

FRAME_PIXELS = 256
LANDMARKS = 68
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # left and right in the picture
MOUTH_CORNERS = [48, 54]
OUTER_LIPS = slice(48, 60)
FEATURES = slice(17, 68)  # all but the jaw

# FFHQ's alignment (Karras et al. 2019): the square's half side in lengths of the face, its centre below the eyes.
HALF_SIDE_IN_EYE_DISTANCES = 2.0
HALF_SIDE_IN_EYE_MOUTH_DISTANCES = 1.8
CENTRE_BELOW_EYES = 0.1

# Where FFHQ's square lies around a box that holds eyes, nose and mouth, as people draw it and detectors do.
SIDE_IN_BOXES = 1.515
CENTRE_ABOVE_BOX = 0.065

SHORTEST_SIDE_PIXELS = 4.0  # of a frame on the canvas; landmarks that give less are no face


def mouth_width(landmarks: Points) -> float:
    """Of 68 landmarks, in their pixels."""
    left, right = landmarks[MOUTH_CORNERS]
    return float(np.hypot(*(right - left)))


@dataclass(frozen=True)
class FrameTransform:
    """A similarity. Points are (x, y) pixels, (0, 0) the centre of the top left pixel, on both sides."""

    matrix: Matrix  # [2,3] canvas -> face frame
    frame_pixels: int = FRAME_PIXELS

    @classmethod
    def from_square(
        cls, centre: tuple[float, float], side_pixels: float, direction: tuple[float, float], frame_pixels: int
    ) -> FrameTransform:
        """centre on the canvas, the square's side there, and the unit vector along its upper edge."""
        scale, middle = frame_pixels / side_pixels, (frame_pixels - 1) / 2
        turned = scale * np.array([[direction[0], direction[1]], [-direction[1], direction[0]]])
        shift = middle - turned @ np.array(centre)
        return cls(np.column_stack((turned, shift)), frame_pixels)

    @classmethod
    def from_landmarks(cls, landmarks: Points, frame_pixels: int = FRAME_PIXELS) -> FrameTransform:
        """FFHQ's alignment from 68 landmarks, [68,2] canvas pixels.

        The upper edge lies between the line through the eyes and the normal to the line from eyes to mouth.

        Raises:
            BadLandmarks: not finite, or eyes and mouth in one spot.
        """
        landmarks = np.asarray(landmarks, dtype=np.float64)
        assert landmarks.shape == (LANDMARKS, 2), landmarks.shape
        if not np.isfinite(landmarks).all():
            raise _no_face()
        left, right = landmarks[LEFT_EYE].mean(axis=0), landmarks[RIGHT_EYE].mean(axis=0)
        eyes, mouth = (left + right) / 2, landmarks[MOUTH_CORNERS].mean(axis=0)
        across, down = right - left, mouth - eyes
        edge = across + np.array([down[1], -down[0]])
        half_side = max(
            HALF_SIDE_IN_EYE_DISTANCES * float(np.hypot(*across)),
            HALF_SIDE_IN_EYE_MOUTH_DISTANCES * float(np.hypot(*down)),
        )
        length = float(np.hypot(*edge))
        if min(half_side, length) < SHORTEST_SIDE_PIXELS / 2:
            raise _no_face()
        centre = eyes + CENTRE_BELOW_EYES * down
        direction = edge / length
        return cls.from_square(
            (float(centre[0]), float(centre[1])),
            2 * half_side,
            (float(direction[0]), float(direction[1])),
            frame_pixels,
        )

    def resized(self, frame_pixels: int) -> FrameTransform:
        """The same square, in a frame of another side."""
        factor = frame_pixels / self.frame_pixels
        matrix = factor * self.matrix
        matrix[:, 2] += (factor - 1) / 2  # a frame begins half a pixel before the middle of its first one
        return FrameTransform(matrix, frame_pixels)

    @classmethod
    def from_box(cls, box: FaceBox, frame_pixels: int = FRAME_PIXELS) -> FrameTransform:
        """A frame around a box, turned as it is, near FFHQ's: good enough for a predictor of landmarks.

        The two constants are medians over boxes that a cascade drew on 261 photo-like faces in FFHQ alignment: frame
        side / box side, and the frame's centre above the box's, in box sides. The finder's boxes are made with them, so
        that they give its frames exactly.
        """
        side = box.side
        roll = math.radians(box.roll_degrees)
        direction, above = (math.cos(roll), math.sin(roll)), CENTRE_ABOVE_BOX * side
        middle_x, middle_y = (box.x0 + box.x1) / 2 - 0.5, (box.y0 + box.y1) / 2 - 0.5
        centre = middle_x + above * direction[1], middle_y - above * direction[0]
        return cls.from_square(centre, SIDE_IN_BOXES * side, direction, frame_pixels)

    @classmethod
    def identity(cls, canvas: Size, frame_pixels: int = FRAME_PIXELS) -> FrameTransform:
        """The picture is the face frame: the whole canvas, centred, its longer side the frame's, never distorted.

        What a canvas that is not square leaves over of the frame shows the canvas reflected.
        """
        height, width = canvas
        return cls.from_square(((width - 1) / 2, (height - 1) / 2), max(canvas), (1.0, 0.0), frame_pixels)

    @classmethod
    def centre_square(cls, canvas: Size, frame_pixels: int = FRAME_PIXELS) -> FrameTransform:
        """The largest upright square in the middle of the canvas."""
        height, width = canvas
        return cls.from_square(((width - 1) / 2, (height - 1) / 2), min(canvas), (1.0, 0.0), frame_pixels)

    @property
    def side_pixels(self) -> float:
        """Of the frame, on the canvas."""
        return self.frame_pixels / self.scale

    @property
    def scale(self) -> float:
        """Frame pixels for one canvas pixel."""
        return scale_of(self.matrix)

    def to_frame(self, points: Points) -> Points:
        """[N,2] canvas -> [N,2] face frame."""
        return apply(self.matrix, points)

    def to_canvas(self, points: Points) -> Points:
        """[N,2] face frame -> [N,2] canvas."""
        return apply(inverse(self.matrix), points)

    def warp_image(self, rgb: Rgb) -> Rgb:
        """The face frame of a canvas, [frame,frame,3] uint8; beyond the canvas, its reflection."""
        assert_rgb(rgb)
        return warp_rgb(rgb, self.matrix, self._frame)

    def warp_hole(self, hole: Hole) -> Hole:
        """The hole in the face frame, [frame,frame] uint8: whatever missing canvas pixels may have coloured."""
        assert_plane(hole)
        return warp_hole(hole, self.matrix, self._frame)

    def paste(self, raw: Rgb, canvas: Size, within: Region | None = None) -> tuple[Rgb, Hole]:
        """The face frame back on the canvas: painted [H,W,3] and coverage [H,W] (1 where the frame lies).

        Where coverage is 0 painted means nothing. `within` spares the work outside a rectangle, say the hole's bounds
        with a margin. The arrays are as large as the canvas, but only touched pages of them take memory.
        """
        assert_rgb(raw, (self.frame_pixels, self.frame_pixels))
        painted = np.zeros((*canvas, 3), dtype=np.uint8)
        coverage = np.zeros(canvas, dtype=np.uint8)
        region = self.region(canvas, within)
        if region is not None:
            home = inverse(self.matrix)
            painted[region.slices] = warp_rgb(raw, home, region, border=cv2.BORDER_REPLICATE)
            coverage[region.slices] = warp_coverage(size_of(raw), home, region)
        return painted, coverage

    def paste_ids(self, ids: Ids, region: Region) -> Ids:
        """A parsing map of the face frame on a canvas rectangle, [h,w]: nearest neighbour, 0 beyond the frame."""
        assert_plane(ids, (self.frame_pixels, self.frame_pixels))
        return warp_ids(ids, inverse(self.matrix), region)

    def paste_weights(self, weights: Floats, region: Region) -> Weights:
        """Weights of the face frame, [F,F] in 0..1, on a canvas rectangle, [h,w] in 0..255; 0 beyond the frame."""
        levels = np.rint(weights * 255).astype(np.uint8)
        return warp_weights(levels, inverse(self.matrix), region)

    def region(self, canvas: Size, within: Region | None = None) -> Region | None:
        """The canvas rectangle that holds the frame, or None when the frame lies outside."""
        limit = within or Region(0, 0, canvas[1], canvas[0])
        x0, y0, x1, y1 = footprint(inverse(self.matrix), (self.frame_pixels, self.frame_pixels))
        region = Region(
            max(int(np.floor(x0)), limit.x0),
            max(int(np.floor(y0)), limit.y0),
            min(int(np.ceil(x1)) + 1, limit.x1),
            min(int(np.ceil(y1)) + 1, limit.y1),
        )
        return region if region.width > 0 and region.height > 0 else None

    @property
    def _frame(self) -> Region:
        return Region(0, 0, self.frame_pixels, self.frame_pixels)


def roll_degrees(landmarks: Points) -> float:
    """How far a face is turned, clockwise, -180..180, from 68 landmarks; its frame's upper edge is upright."""
    matrix = FrameTransform.from_landmarks(landmarks).matrix
    return math.degrees(math.atan2(matrix[0, 1], matrix[0, 0]))


def _no_face() -> BadLandmarks:
    return BadLandmarks(
        "The landmarks do not describe a face: eyes and mouth are too close together, or not finite.",
        errors=[{"field": "landmarks", "actual": "degenerate", "allowed": "68 points of one face"}],
    )
