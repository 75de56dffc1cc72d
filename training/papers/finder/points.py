"""Five points of a face, and the centre, size and roll that follow from them.

Order: the eye, as it stands at the left of an upright picture, the other eye, the tip of the nose, the corners of the
mouth, again left and right; (x, y) in pixels. Everything takes NumPy arrays and torch tensors alike and gives the kind
that came.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.landmarks import LEFT_EYE, RIGHT_EYE, to_68

POINT_COUNT = 5
NOSE_TIP, LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER = 30, 48, 54  # of the 68 landmarks
EYE_DISTANCES, MOUTH_DISTANCES = 2.0, 1.8  # the size is the larger of these multiples: half the side of FFHQ's frame
FLIP_ORDER = [1, 0, 2, 4, 3]


def five_points(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """[68,2] or [98,2] -> [5,2]."""
    landmarks = to_68(landmarks)
    eyes = [landmarks[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE)]
    rest = [landmarks[place] for place in (NOSE_TIP, LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER)]
    return np.stack(eyes + rest).astype(np.float32)


def centre_of(points: Any) -> Any:
    """Half-way between the eyes and the mouth, about the bridge of the nose. [...,5,2] -> [...,2]."""
    return (points[..., 0, :] + points[..., 1, :] + points[..., 3, :] + points[..., 4, :]) / 4


def down_of(points: Any) -> Any:
    """From between the eyes to the middle of the mouth. [...,5,2] -> [...,2]."""
    return (points[..., 3, :] + points[..., 4, :] - points[..., 0, :] - points[..., 1, :]) / 2


def size_of(points: Any) -> Any:
    """The side of a square around brows, cheeks and chin: half of the face frame's, in pixels. [...,5,2] -> [...]."""
    largest = torch.maximum if isinstance(points, torch.Tensor) else np.maximum
    across = points[..., 1, :] - points[..., 0, :]
    return largest(EYE_DISTANCES * length(across), MOUTH_DISTANCES * length(down_of(points)))


def roll_of(points: Any) -> Any:
    """Sine and cosine of the clockwise turn, as seen in the picture, from upright. [...,5,2] -> [...,2].

    As FFHQ's frames: from eye to eye, less the eyes to the mouth turned upright.
    """
    stack = torch.stack if isinstance(points, torch.Tensor) else np.stack
    down = down_of(points)
    turned = stack((down[..., 1], -down[..., 0]), -1)
    x = points[..., 1, :] - points[..., 0, :] + turned
    x = x / (length(x)[..., None] + 1e-6)
    return stack((x[..., 1], x[..., 0]), -1)


def degrees_of(points: NDArray[np.float32]) -> float:
    """The roll of one face, [5,2], -180 to 180."""
    sine, cosine = roll_of(points)
    return float(np.degrees(np.arctan2(sine, cosine)))


def turn(vectors: Any, roll: Any) -> Any:
    """Vectors of the upright face as they stand in the picture; with -sine the way back. [...,2] twice -> [...,2]."""
    stack = torch.stack if isinstance(vectors, torch.Tensor) else np.stack
    sine, cosine = roll[..., 0], roll[..., 1]
    x, y = vectors[..., 0], vectors[..., 1]
    return stack((x * cosine - y * sine, x * sine + y * cosine), -1)


def length(vectors: Any) -> Any:
    return (vectors[..., 0] ** 2 + vectors[..., 1] ** 2) ** 0.5
