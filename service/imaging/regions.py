"""What of a face's frame is face: the head, softly edged. The rest of the frame is background, like all outside it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Points
from service.imaging.geometry import FEATURES, LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE

# In lengths from the middle of the eyes to that of the mouth's corners, which is about a third of a head without hair.
FOREHEAD = 1.3  # above the eyes: where the hairline is
FOREHEAD_WIDTH = 1.0  # of it, to either side
GROWN = 0.45  # around that and the landmarks all belongs to the face: ears, and the beginning of the hair
SOFT = 0.6  # over so much more the face gives way to the background
JAW_GROWN, JAW_SOFT = 0.08, 0.2  # the same beside the jaw, whose outline landmarks tell
BESIDE = 0.12  # from the landmarks' outline on, what is seen is no longer the face
FEATURES_GROWN = 0.25  # around brows, eyes, nose and mouth
FRAME_EDGE = 0.04, 0.16  # shares of the frame's side within which the frame has nothing to say, then ever more


def face_weights(landmarks: Points, frame_pixels: int) -> Floats:
    """[F,F] in 0..1 from [68,2] frame pixels: 1 on the face, 0 on the background and along the frame's border."""
    beside = _beside_jaw(landmarks, frame_pixels)
    grown, soft = GROWN + (JAW_GROWN - GROWN) * beside, SOFT + (JAW_SOFT - SOFT) * beside
    return _eased(1 - (_from_head(landmarks, frame_pixels) - grown) / soft) * _inner(frame_pixels)


def beside_head(landmarks: Points, frame_pixels: int) -> Hole:
    """[F,F] {0,1} from [68,2] frame pixels: all but the face below its brows."""
    _, down = eyes_and_down(landmarks)
    return np.asarray(_distance(landmarks, down, frame_pixels) > BESIDE, dtype=np.uint8)


def features(landmarks: Points, frame_pixels: int) -> Hole:
    """[F,F] {0,1} from [68,2] frame pixels: brows, eyes, nose and mouth, and all between them."""
    _, down = eyes_and_down(landmarks)
    return np.asarray(_distance(landmarks[FEATURES], down, frame_pixels) <= FEATURES_GROWN, dtype=np.uint8)


def _beside_jaw(landmarks: Points, frame_pixels: int) -> Floats:
    """[F,F] in 0..1: 1 at the height of the mouth and beside it, 0 above the eyes and below the chin."""
    eyes, down = eyes_and_down(landmarks)
    length = max(float(np.hypot(*down)), 1.0)
    axis = down / length
    y, x = np.mgrid[:frame_pixels, :frame_pixels]
    along = ((x - eyes[0]) * axis[0] + (y - eyes[1]) * axis[1]) / length - 1  # from the mouth on
    across = np.abs((x - eyes[0]) * axis[1] - (y - eyes[1]) * axis[0]) / length
    below = np.arctan2(along, across)
    return np.asarray(_eased((along + 0.9) / 0.6) * _eased((0.95 - below) / 0.4), np.float32)


def _from_head(landmarks: Points, frame_pixels: int) -> Floats:
    """[F,F]: from the outline of landmarks and forehead, in lengths from eyes to mouth; 0 inside."""
    eyes, down = eyes_and_down(landmarks)
    return _distance(np.vstack((landmarks, _forehead(eyes, down))), down, frame_pixels)


def eyes_and_down(landmarks: Points) -> tuple[Points, Points]:
    """The middle of the eyes, and from there to the middle of the mouth."""
    eyes = (landmarks[LEFT_EYE].mean(axis=0) + landmarks[RIGHT_EYE].mean(axis=0)) / 2
    return eyes, landmarks[MOUTH_CORNERS].mean(axis=0) - eyes


def _distance(points: Points, down: Points, frame_pixels: int) -> Floats:
    """[F,F]: from the hull of the points, in lengths of `down`; 0 inside."""
    outline = cv2.convexHull(points.astype(np.float32))
    outside = np.ones((frame_pixels, frame_pixels), np.uint8)
    cv2.fillConvexPoly(outside, np.rint(outline).astype(np.int32), (0,))
    pixels = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(pixels / max(float(np.hypot(*down)), 1.0), dtype=np.float32)


def _forehead(eyes: Points, down: Points) -> Points:
    """[5,2]: an arch over the eyes."""
    across = np.array([down[1], -down[0]])
    angles = np.linspace(0.15 * np.pi, 0.85 * np.pi, 5)
    sideways, up = np.cos(angles) * FOREHEAD_WIDTH, np.sin(angles) * FOREHEAD
    return np.asarray(eyes + sideways[:, None] * across - up[:, None] * down, dtype=np.float64)


def _inner(frame_pixels: int) -> Floats:
    """[F,F]: 0 along the border, 1 from a little within."""
    start, end = FRAME_EDGE
    place = (np.arange(frame_pixels) + 0.5) / frame_pixels
    ramp = _eased((np.minimum(place, 1 - place) - start) / (end - start))
    return np.asarray(np.minimum(ramp[:, None], ramp[None, :]), dtype=np.float32)


def _eased(share: NDArray[Any]) -> Floats:
    """0 below 0, 1 above 1, without a kink."""
    inner = np.clip(share, 0, 1)
    return np.asarray(inner * inner * (3 - 2 * inner), dtype=np.float32)
