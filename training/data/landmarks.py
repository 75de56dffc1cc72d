"""The 68 landmarks in iBUG order: groups, mirror order and the normalised mean error.

Points are (x, y) in pixels, x to the right, y down. `left` and `right` are as seen in the picture.
Every function takes NumPy arrays and torch tensors alike and returns the kind it was given.
"""

from typing import TypeVar

import numpy as np
from torch import Tensor

COUNT = 68

# Name -> indices, in drawing order.
JAW = tuple(range(17))
LEFT_BROW = tuple(range(17, 22))
RIGHT_BROW = tuple(range(22, 27))
NOSE_BRIDGE = tuple(range(27, 31))
NOSE_BASE = tuple(range(31, 36))
LEFT_EYE = tuple(range(36, 42))
RIGHT_EYE = tuple(range(42, 48))
OUTER_LIPS = tuple(range(48, 60))
INNER_LIPS = tuple(range(60, 68))

BROWS = LEFT_BROW + RIGHT_BROW
NOSE = NOSE_BRIDGE + NOSE_BASE
EYES = LEFT_EYE + RIGHT_EYE
MOUTH = OUTER_LIPS + INNER_LIPS

GROUPS = {
    "jaw": JAW,
    "left_brow": LEFT_BROW,
    "right_brow": RIGHT_BROW,
    "nose_bridge": NOSE_BRIDGE,
    "nose_base": NOSE_BASE,
    "left_eye": LEFT_EYE,
    "right_eye": RIGHT_EYE,
    "outer_lips": OUTER_LIPS,
    "inner_lips": INNER_LIPS,
}

LEFT_OUTER_EYE_CORNER = 36
RIGHT_OUTER_EYE_CORNER = 45

# Pairs that change places when the picture is mirrored; the points of the middle line stay.
FLIP_PAIRS = (
    *((i, 16 - i) for i in range(8)),  # jaw, 8 is the chin
    *((17 + i, 26 - i) for i in range(5)),  # brows
    (31, 35),
    (32, 34),  # nose base
    (36, 45),
    (37, 44),
    (38, 43),
    (39, 42),
    (40, 47),
    (41, 46),  # eyes
    (48, 54),
    (49, 53),
    (50, 52),
    (55, 59),
    (56, 58),  # outer lips
    (60, 64),
    (61, 63),
    (65, 67),  # inner lips
)


def _flip_order() -> np.ndarray:
    order = np.arange(COUNT)
    for left, right in FLIP_PAIRS:
        order[left], order[right] = right, left
    return order


FLIP_ORDER = _flip_order()  # mirrored[i] = mirror of original[FLIP_ORDER[i]]

Points = TypeVar("Points", np.ndarray, Tensor)


def flip(landmarks: Points, width: int) -> Points:
    """Landmarks of the mirrored picture: x -> width - 1 - x, pairs change places. [..., 68, 2] -> new [..., 68, 2]."""
    assert landmarks.shape[-2:] == (COUNT, 2), landmarks.shape
    mirrored = landmarks[..., FLIP_ORDER, :]
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    return mirrored


def inter_ocular(landmarks: Points) -> Points:
    """Distance between the outer eye corners (points 36 and 45), in pixels. [..., 68, 2] -> [...]."""
    assert landmarks.shape[-2:] == (COUNT, 2), landmarks.shape
    across = landmarks[..., LEFT_OUTER_EYE_CORNER, :] - landmarks[..., RIGHT_OUTER_EYE_CORNER, :]
    distance: Points = (across**2).sum(-1) ** 0.5
    return distance


def nme(predicted: Points, target: Points) -> Points:
    """Normalised mean error of each face, in percent of the target's inter-ocular distance. Two [..., 68, 2] -> [...].

    LaFIn, Tables 4 and 5. A target whose eye corners coincide gives infinity or NaN.
    """
    assert predicted.shape == target.shape, (predicted.shape, target.shape)
    distance = ((predicted - target) ** 2).sum(-1) ** 0.5
    percent: Points = 100.0 * distance.mean(-1) / inter_ocular(target)
    return percent
