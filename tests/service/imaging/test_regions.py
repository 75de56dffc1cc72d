from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.geometry import LEFT_EYE, RIGHT_EYE
from service.imaging.regions import face_weights, features
from tests.fakes.engine import mean_shape

PIXELS = 256
SHAPE = mean_shape()


def turned(degrees: float, scale: float = 1.0) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((PIXELS / 2, PIXELS / 2), degrees, scale)
    return SHAPE @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize("degrees", [0, 40, 180])
def test_all_landmarks_and_the_forehead_are_face(degrees: float) -> None:
    landmarks = turned(degrees, 0.7)
    weights = face_weights(landmarks, PIXELS)
    assert weights.shape == (PIXELS, PIXELS)
    eyes = (landmarks[LEFT_EYE].mean(axis=0) + landmarks[RIGHT_EYE].mean(axis=0)) / 2
    forehead = eyes - (landmarks[57] - eyes)
    for x, y in np.vstack((landmarks, forehead[None])).round().astype(int):
        assert weights[y, x] == 1


def test_far_from_the_landmarks_is_background() -> None:
    weights = face_weights(turned(0, 0.4), PIXELS)
    assert weights[PIXELS // 2, :20].max() == 0
    assert weights[:, -20:].max() == 0


@pytest.mark.parametrize("degrees", [0, -70])
def test_beside_the_jaw_less_is_face_than_beside_the_ears_and_below_the_chin(degrees: float) -> None:
    """The landmarks tell the jaw's outline; ears, hair and neck have none."""
    landmarks = turned(degrees, 0.6)
    weights = face_weights(landmarks, PIXELS)
    down = (landmarks[57] - landmarks[27]) / np.hypot(*(landmarks[57] - landmarks[27]))
    length = np.hypot(*(landmarks[[48, 54]].mean(axis=0) - landmarks[36:48].mean(axis=0)))

    def beyond(place: int, aside: np.ndarray) -> float:
        x, y = np.rint(landmarks[place] + 0.4 * length * aside).astype(int)
        return float(weights[y, x])

    left = np.array([-down[1], down[0]])
    assert beyond(4, left) == beyond(12, -left) == 0
    assert beyond(0, left) == beyond(16, -left) == beyond(8, down) == 1


def test_it_is_soft_and_says_nothing_along_the_border() -> None:
    """Not even for a face as large as the frame."""
    for landmarks in (SHAPE, turned(10, 2.0)):
        weights = face_weights(landmarks, PIXELS)
        assert max(np.abs(np.diff(weights, axis=0)).max(), np.abs(np.diff(weights, axis=1)).max()) < 0.12
        border = np.concatenate((weights[0], weights[-1], weights[:, 0], weights[:, -1]))
        assert border.max() == 0
        assert weights.min() >= 0
        assert weights.max() == 1


def test_frames_of_any_size_say_the_same() -> None:
    small = face_weights(SHAPE / 2, PIXELS // 2)
    large = cv2.resize(face_weights(SHAPE, PIXELS), (PIXELS // 2, PIXELS // 2), interpolation=cv2.INTER_AREA)
    assert np.abs(small - large).max() < 0.12


def test_features_hold_all_landmarks_but_the_jaws() -> None:
    plane = features(SHAPE, PIXELS)
    for x, y in np.rint(SHAPE[17:]).astype(int):
        assert plane[y, x] == 1
    for x, y in np.rint(SHAPE[[0, 4, 8, 12, 16]]).astype(int):
        assert plane[y, x] == 0
