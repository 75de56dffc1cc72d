"""The square frame of a face, placed as FFHQ's are, from the eyes and the mouth of its parsing map."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.parsing import CLASS_SETS, IGNORE
from training.errors import TrainingError

EYES = ("left_eye", "right_eye")
MOUTH = ("upper_lip", "inner_mouth", "lower_lip")
EYE_DISTANCES, MOUTH_DISTANCES = 2.0, 1.8  # half the frame's side is the larger of these multiples (Karras et al. 2019)
DOWN = 0.1  # the frame's middle lies this share of the way from the eyes to the mouth


class FrameError(TrainingError):
    """A parsing map without both eyes or without a mouth."""


def frame_of_face(parsing: NDArray[np.uint8], classes: int, pixels: int) -> NDArray[np.float64]:
    """The map [2,3] from pixels of the picture to those of the frame; upright, whichever eye is called left."""
    one, other = (middle_of(parsing, classes, (eye,)) for eye in EYES)
    left, right = sorted((one, other), key=lambda point: float(point[0]))  # as seen in the picture
    mouth = middle_of(parsing, classes, MOUTH)
    eyes, across = (left + right) / 2, right - left
    down = mouth - eyes
    side = across + np.array([down[1], -down[0]])  # Karras et al.: eye to eye, less the eyes to mouth turned upright
    length = float(np.hypot(*side))
    if length == 0:
        raise FrameError("eyes and mouth lie on one another")
    half = max(EYE_DISTANCES * float(np.hypot(*across)), MOUTH_DISTANCES * float(np.hypot(*down)))
    x = side / length
    middle = eyes + DOWN * down
    scale = pixels / (2 * half)
    rotation = np.array([x, [-x[1], x[0]]]) * scale
    shift = (pixels - 1) / 2 - rotation @ middle
    return np.concatenate((rotation, shift[:, None]), axis=1)


def middle_of(parsing: NDArray[np.uint8], classes: int, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Mean (x, y) of the pixels of these classes. Raises FrameError if there is none."""
    ids = [CLASS_SETS[classes].index(name) for name in names]
    rows, columns = np.nonzero(np.isin(parsing, ids))
    if not len(rows):
        raise FrameError(f"no {' or '.join(names)}")
    return np.array([columns.mean(), rows.mean()])


def warp_picture(picture: NDArray[np.uint8], matrix: NDArray[np.float64], pixels: int) -> NDArray[np.uint8]:
    """[H,W,3] -> [pixels,pixels,3]; borders reflect."""
    scale = float(np.hypot(*matrix[0, :2]))
    if scale < 0.7:  # warpAffine does not average
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.45 / scale), dtype=np.uint8)
    size = (pixels, pixels)
    warped = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, dtype=np.uint8)


def warp_parsing(parsing: NDArray[np.uint8], matrix: NDArray[np.float64], pixels: int) -> NDArray[np.uint8]:
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
