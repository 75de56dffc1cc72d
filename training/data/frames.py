"""The square frame of a face, placed as FFHQ's are: from landmarks, from a parsing map, or roughly from a box.

A frame is the map [2,3] from (x, y) pixels of the picture to those of the frame; (0, 0) is the middle of the top left
pixel on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.landmarks import LEFT_EYE, RIGHT_EYE, to_68
from training.data.parsing import CLASS_SETS, IGNORE
from training.data.table import DataError

EYES = ("left_eye", "right_eye")
MOUTH_CORNERS = (48, 54)  # of the landmarks
MOUTH = ("upper_lip", "inner_mouth", "lower_lip")
EYE_DISTANCES, MOUTH_DISTANCES = 2.0, 1.8  # half the frame's side is the larger of these multiples (Karras et al. 2019)
DOWN = 0.1  # the frame's middle lies this share of the way from the eyes to the mouth


# Where FFHQ's square lies around the box of OpenCV's cascade: its side in sides of the box, its middle above the box's.
SIDE_IN_BOXES, ABOVE_BOX = 1.515, 0.065

Matrix = NDArray[np.float64]


class FrameError(DataError):
    """A face whose eyes and mouth are not there, or lie on one another."""


@dataclass(frozen=True)
class Box:
    """A square around eyes, nose and mouth in a picture."""

    left: float
    top: float
    side_pixels: float


def frame_of_landmarks(points: NDArray[np.float32], pixels: int) -> Matrix:
    """From landmarks [68,2] or [98,2] in pixels of the picture. Raises FrameError."""
    points = to_68(points)
    eyes = [points[list(group)].mean(axis=0) for group in (LEFT_EYE, RIGHT_EYE)]
    return frame_of_features(eyes[0], eyes[1], points[list(MOUTH_CORNERS)].mean(axis=0), pixels)


def frame_of_face(parsing: NDArray[np.uint8], classes: int, pixels: int) -> Matrix:
    """From a parsing map; upright, whichever eye is called left. Raises FrameError."""
    one, other = (middle_of(parsing, classes, (eye,)) for eye in EYES)
    left, right = sorted((one, other), key=lambda point: float(point[0]))  # as seen in the picture
    return frame_of_features(left, right, middle_of(parsing, classes, MOUTH), pixels)


def frame_of_features(left: NDArray[Any], right: NDArray[Any], mouth: NDArray[Any], pixels: int) -> Matrix:
    """From the middles (x, y) of both eyes, left and right as seen in the picture, and of the mouth."""
    left, right, mouth = (np.asarray(point, np.float64) for point in (left, right, mouth))
    eyes, across = (left + right) / 2, right - left
    down = mouth - eyes
    side = across + np.array([down[1], -down[0]])  # Karras et al.: eye to eye, less the eyes to mouth turned upright
    length = float(np.hypot(*side))
    if not length > 0:  # nor NaN
        raise FrameError("eyes and mouth lie on one another")
    half = max(EYE_DISTANCES * float(np.hypot(*across)), MOUTH_DISTANCES * float(np.hypot(*down)))
    return square(eyes + DOWN * down, 2 * half, side / length, pixels)


def frame_of_box(box: Box, pixels: int) -> Matrix:
    """Upright, roughly where FFHQ's frame is: good enough to look for landmarks in it."""
    middle = np.array([box.left, box.top]) + (box.side_pixels - 1) / 2
    middle[1] -= ABOVE_BOX * box.side_pixels
    return square(middle, SIDE_IN_BOXES * box.side_pixels, np.array([1.0, 0.0]), pixels)


def box_of_frame(pixels: int) -> Box:
    """The box whose frame a frame of `pixels` is."""
    side = pixels / SIDE_IN_BOXES
    left = (pixels - side) / 2
    return Box(left, left + ABOVE_BOX * side, side)


def square(middle: NDArray[np.float64], side_pixels: float, x: NDArray[np.float64], pixels: int) -> Matrix:
    """The frame over a square of the picture: its middle, its side, and the unit vector along its upper edge."""
    rotation = np.array([x, [-x[1], x[0]]]) * (pixels / side_pixels)
    shift = (pixels - 1) / 2 - rotation @ middle
    return np.concatenate((rotation, shift[:, None]), axis=1)


def apply(matrix: Matrix, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points [N,2] of the picture in the frame."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)


def inverse(matrix: Matrix) -> Matrix:
    """The map from the frame to the picture."""
    return np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)


def middle_of(parsing: NDArray[np.uint8], classes: int, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Mean (x, y) of the pixels of these classes. Raises FrameError if there is none."""
    ids = [CLASS_SETS[classes].index(name) for name in names]
    rows, columns = np.nonzero(np.isin(parsing, ids))
    if not len(rows):
        raise FrameError(f"no {' or '.join(names)}")
    return np.array([columns.mean(), rows.mean()])


def warp_picture(picture: NDArray[np.uint8], matrix: Matrix, pixels: int) -> NDArray[np.uint8]:
    """[H,W,3] -> [pixels,pixels,3]; borders reflect."""
    scale = float(np.hypot(*matrix[0, :2]))
    if scale < 0.7:  # warpAffine does not average
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.45 / scale), dtype=np.uint8)
    size = (pixels, pixels)
    warped = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, dtype=np.uint8)


def warp_parsing(parsing: NDArray[np.uint8], matrix: Matrix, pixels: int) -> NDArray[np.uint8]:
    """[H,W] -> [pixels,pixels], nearest neighbour; beyond the picture nothing is known."""
    warped = cv2.warpAffine(
        parsing,
        matrix,
        (pixels, pixels),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(IGNORE,),
    )
    return np.asarray(warped, dtype=np.uint8)
