import numpy as np
import pytest
import torch

from tests.training.faces98 import Faces98
from training.data.drawn import DrawnFaces
from training.data.landmarks import flip
from training.papers.finder.points import (
    FLIP_ORDER,
    centre_of,
    degrees_of,
    five_points,
    roll_of,
    size_of,
    turn,
)

UPRIGHT = np.array([[40, 50], [80, 50], [60, 70], [45, 90], [75, 90]], np.float32)


def turned(degrees: float) -> np.ndarray:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return (UPRIGHT @ np.array([[cosine, sine], [-sine, cosine]])).astype(np.float32)


def test_five_points_are_eyes_nose_and_corners_of_the_mouth() -> None:
    landmarks = np.random.default_rng(0).uniform(0, 100, (68, 2)).astype(np.float32)
    points = five_points(landmarks)
    assert np.allclose(points[0], landmarks[36:42].mean(axis=0))
    assert np.allclose(points[1], landmarks[42:48].mean(axis=0))
    assert np.allclose(points[2:], landmarks[[30, 48, 54]])


def test_mirrored_landmarks_give_mirrored_points_in_the_order_of_flips() -> None:
    landmarks = np.random.default_rng(1).uniform(0, 100, (68, 2)).astype(np.float32)
    mirrored = five_points(landmarks)[FLIP_ORDER]
    mirrored[:, 0] = 99 - mirrored[:, 0]
    assert np.allclose(five_points(flip(landmarks, 100)), mirrored, atol=1e-4)


def test_centre_and_size_of_an_upright_face() -> None:
    assert centre_of(UPRIGHT).tolist() == [60, 70]
    assert size_of(UPRIGHT) == 80  # twice between the eyes; 1.8 times 40 is less
    tall = UPRIGHT.copy()
    tall[3:, 1] += 40
    assert size_of(tall) == pytest.approx(1.8 * 80)


@pytest.mark.parametrize("degrees", [0, 30, 90, -135, 179])
def test_roll_is_the_clockwise_turn_and_leaves_the_size(degrees: float) -> None:
    points = turned(degrees)
    assert degrees_of(points) == pytest.approx(degrees, abs=0.01)
    assert size_of(points) == pytest.approx(80, rel=1e-5)
    assert np.allclose(roll_of(points), (np.sin(np.radians(degrees)), np.cos(np.radians(degrees))), atol=1e-4)


def test_turning_a_face_upright_by_its_roll() -> None:
    points, roll = turned(50), roll_of(turned(50))
    upright = turn(points - centre_of(points), np.array([-roll[0], roll[1]])[None])
    assert np.allclose(upright, UPRIGHT - centre_of(UPRIGHT), atol=1e-3)


def test_tensors_and_arrays_say_the_same() -> None:
    points = turned(20)
    for function in (centre_of, size_of, roll_of):
        assert np.allclose(function(torch.from_numpy(points)).numpy(), function(points), atol=1e-5)


def test_98_landmarks_have_the_same_five_points() -> None:
    assert np.array_equal(five_points(Faces98(1, 64).landmarks(0)), five_points(DrawnFaces(1, 64).landmarks(0)))
