import numpy as np
import pytest

from tests.golden import GOLDEN
from training.data.drawn import DrawnFaces
from training.data.frames import (
    Box,
    FrameError,
    apply,
    box_of_frame,
    frame_of_box,
    frame_of_face,
    frame_of_features,
    frame_of_landmarks,
    inverse,
    warp_parsing,
    warp_picture,
)
from training.data.landmarks import LEFT_EYE, RIGHT_EYE
from training.data.parsing import HELEN, IGNORE

POINTS = DrawnFaces(1, 200, seed=2).landmarks(0)


def features(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return points[list(LEFT_EYE)].mean(axis=0), points[list(RIGHT_EYE)].mean(axis=0), points[[48, 54]].mean(axis=0)


def turned(points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.deg2rad(degrees)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points @ matrix.T + shift).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 25, -70, 180])
def test_a_face_lies_in_its_frame_the_same_wherever_it_is_in_the_picture(degrees: float) -> None:
    upright = apply(frame_of_landmarks(POINTS, 256), POINTS)
    moved = turned(POINTS, degrees, 0.7, (300, -40))
    assert np.allclose(apply(frame_of_landmarks(moved, 256), moved), upright, atol=0.01)


def test_the_frame_is_ffhqs() -> None:
    """Half the side: twice the eyes' distance or 1.8 times eyes to mouth; its middle a tenth of that below the eyes."""
    left, right, mouth = np.array([80, 100.0]), np.array([120, 100.0]), np.array([100, 150.0])
    matrix = frame_of_features(left, right, mouth, 360)
    assert matrix[0, 0] == pytest.approx(360 / (2 * 1.8 * 50))
    assert apply(matrix, np.array([[100, 105.0]], np.float32))[0] == pytest.approx([179.5, 179.5])
    wide = frame_of_features(left - (20, 0), np.add(right, (20, 0)), mouth, 360)
    assert wide[0, 0] == pytest.approx(360 / (2 * 2 * 80))


def test_points_and_pixels_go_the_same_way() -> None:
    picture = np.zeros((200, 200, 3), np.uint8)
    left, right, mouth = features(POINTS)
    for point in (left, right, mouth):
        x, y = np.rint(point).astype(int)
        picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    matrix = frame_of_landmarks(POINTS, 128)
    warped = warp_picture(picture, matrix, 128)
    for point in apply(matrix, np.stack([left, right, mouth])):
        x, y = np.rint(point).astype(int)
        assert warped[y, x].min() > 120
    assert np.allclose(apply(inverse(matrix), apply(matrix, POINTS)), POINTS, atol=0.01)


def test_a_box_and_its_frame_belong_together() -> None:
    matrix = frame_of_box(Box(30, 50, 80), 256)
    corners = apply(matrix, np.array([[29.5, 49.5], [109.5, 129.5]], np.float32)) + 0.5
    box = box_of_frame(256)
    assert corners[0] == pytest.approx([box.left, box.top], abs=0.01)
    assert corners[1] == pytest.approx([box.left + box.side_pixels, box.top + box.side_pixels], abs=0.01)


def test_a_tilted_face_stands_upright_in_its_frame() -> None:
    parsing = np.zeros((200, 200), np.uint8)
    parsing[80, 120], parsing[100, 80] = HELEN.index("left_eye"), HELEN.index("right_eye")
    parsing[130, 120] = HELEN.index("upper_lip")
    matrix = frame_of_face(parsing, 11, 256)
    right, left, mouth = (matrix[:, :2] @ point + matrix[:, 2] for point in ((80, 100), (120, 80), (120, 130)))
    assert left[1] == pytest.approx(right[1], abs=1e-6)
    assert mouth[0] == pytest.approx((left[0] + right[0]) / 2, abs=1e-6)
    assert mouth[1] > left[1]
    assert 0 < right[0] < left[0] < 256


def test_a_face_without_eyes_has_no_frame() -> None:
    with pytest.raises(FrameError, match="no left_eye"):
        frame_of_face(np.zeros((64, 64), np.uint8), 11, 256)
    with pytest.raises(FrameError, match="lie on one another"):
        frame_of_landmarks(np.full((68, 2), 20, np.float32), 256)
    with pytest.raises(FrameError, match="lie on one another"):
        frame_of_landmarks(np.full((68, 2), np.nan, np.float32), 256)


def test_beyond_the_picture_nothing_is_known_of_a_map() -> None:
    matrix = frame_of_features(np.array([0, 10.0]), np.array([20, 10.0]), np.array([10, 30.0]), 64)
    warped = warp_parsing(np.ones((40, 40), np.uint8), matrix, 64)
    assert warped[0, 0] == IGNORE
    assert set(np.unique(warped)) == {1, IGNORE}


@pytest.mark.parametrize("case", GOLDEN["alignments"]["landmarks"])
def test_the_alignment_is_the_services_own(case: dict) -> None:
    matrix = frame_of_landmarks(np.array(case["landmarks"]), case["frame_pixels"])
    assert np.allclose(matrix, case["matrix"], atol=1e-6)


@pytest.mark.parametrize("case", GOLDEN["alignments"]["boxes"])
def test_the_frame_around_a_box_is_the_services_own(case: dict) -> None:
    matrix = frame_of_box(Box(case["left"], case["top"], case["side_pixels"]), case["frame_pixels"])
    assert np.allclose(matrix, case["matrix"], atol=1e-6)
