"""The 68 landmarks in iBUG order, and the 98 of WFLW: groups, mirror order and the normalised mean error.

Points are (x, y) in pixels, x to the right, y down. `left` and `right` are as seen in the picture.
Every function takes NumPy arrays and torch tensors alike and returns the kind it was given. Groups are indices of the
68; `to_68` picks these from the 98.
"""

from typing import TypeVar

import numpy as np
from torch import Tensor

COUNT = 68
WFLW_COUNT = 98  # Wu et al. 2018
COUNTS = (COUNT, WFLW_COUNT)

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

# Which of the 98 each of the 68 is. The 98 have two more points in each eye, the lower edges of the brows, the pupils,
# and a jaw that is twice as dense.
OF_98 = (
    *range(0, 33, 2),  # jaw
    *range(33, 38),  # brows, their upper edges
    *range(42, 47),
    *range(51, 60),  # nose
    *(60, 61, 63, 64, 65, 67),  # eyes
    *(68, 69, 71, 72, 73, 75),
    *range(76, 96),  # lips
)

# The same for the 98 points.
FLIP_PAIRS_98 = (
    *((i, 32 - i) for i in range(16)),  # jaw, 16 is the chin
    *((33 + i, 46 - i) for i in range(5)),  # upper edges of the brows
    *((38 + i, 50 - i) for i in range(4)),  # lower edges
    *((55 + i, 59 - i) for i in range(2)),  # nose base
    *((60 + i, 72 - i) for i in range(5)),  # upper lids
    *((65 + i, 75 - i) for i in range(3)),  # lower lids
    *((76 + i, 82 - i) for i in range(3)),  # outer lips
    *((83 + i, 87 - i) for i in range(2)),
    *((88 + i, 92 - i) for i in range(2)),  # inner lips
    (93, 95),
    (96, 97),  # pupils
)


def _flip_order(count: int, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    order = np.arange(count)
    for left, right in pairs:
        order[left], order[right] = right, left
    return order


# Count of points -> order: mirrored[i] = mirror of original[order[i]].
FLIP_ORDERS = {COUNT: _flip_order(COUNT, FLIP_PAIRS), WFLW_COUNT: _flip_order(WFLW_COUNT, FLIP_PAIRS_98)}
OUTER_EYE_CORNERS = {COUNT: (36, 45), WFLW_COUNT: (60, 72)}  # left, right

Points = TypeVar("Points", np.ndarray, Tensor)


def to_68(landmarks: Points) -> Points:
    """The 68 of them: [..., 68 or 98, 2] -> [..., 68, 2]. 68 points are returned as they are."""
    assert landmarks.shape[-2] in COUNTS, landmarks.shape
    return landmarks if landmarks.shape[-2] == COUNT else landmarks[..., list(OF_98), :]


def in_common(one: Points, other: Points) -> tuple[Points, Points]:
    """Both as they are if they are of one set, else the 68 of both."""
    return (one, other) if one.shape[-2] == other.shape[-2] else (to_68(one), to_68(other))


def flip(landmarks: Points, width: int) -> Points:
    """Landmarks of the mirrored picture: x -> width - 1 - x, pairs change places. [..., 68 or 98, 2] -> a new one."""
    mirrored = landmarks[..., FLIP_ORDERS[landmarks.shape[-2]], :]
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    return mirrored


def inter_ocular(landmarks: Points) -> Points:
    """Distance between the outer eye corners, in pixels. [..., 68 or 98, 2] -> [...]."""
    left, right = OUTER_EYE_CORNERS[landmarks.shape[-2]]
    across = landmarks[..., left, :] - landmarks[..., right, :]
    distance: Points = (across**2).sum(-1) ** 0.5
    return distance


def nme(predicted: Points, target: Points) -> Points:
    """Normalised mean error of each face, in percent of the target's inter-ocular distance. Two [..., N, 2] -> [...].

    LaFIn, Tables 4 and 5. Of 98 points and 68 the 68 are compared. A target whose eye corners coincide gives infinity
    or NaN.
    """
    predicted, target = in_common(predicted, target)
    assert predicted.shape == target.shape, (predicted.shape, target.shape)
    distance = ((predicted - target) ** 2).sum(-1) ** 0.5
    percent: Points = 100.0 * distance.mean(-1) / inter_ocular(target)
    return percent
