import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.data.transforms import Jitter, flip, move, recolour, resize

FACES = DrawnFaces(1, 128)
PICTURE, LANDMARKS = FACES.image(0), FACES.landmarks(0)


def test_flipping_twice_is_nothing() -> None:
    picture, landmarks = flip(*flip(PICTURE, LANDMARKS))
    assert np.array_equal(picture, PICTURE)
    assert np.allclose(landmarks, LANDMARKS)


def test_a_mirrored_face_has_its_left_eye_on_the_left() -> None:
    _, landmarks = flip(PICTURE, LANDMARKS)
    assert landmarks[36, 0] < landmarks[45, 0]
    assert landmarks[36, 0] == pytest.approx(127 - LANDMARKS[45, 0])


@pytest.mark.parametrize("pixels", [64, 128, 256])
def test_landmarks_follow_the_picture(pixels: int) -> None:
    """A bright dot drawn at a landmark is still there after moving both."""
    x, y = (int(v) for v in LANDMARKS[30])
    marked = np.zeros_like(PICTURE)
    marked[y - 1 : y + 2, x - 1 : x + 2] = 255
    points = LANDMARKS.copy()
    points[30] = (x, y)
    jitter = Jitter(rotation_degrees=25, scale=0.2, shift=0.1)
    for seed in range(5):
        moved, landmarks = move(marked, points, jitter, pixels, np.random.default_rng(seed))
        weights = moved[..., 0].astype(float)
        rows, columns = np.mgrid[:pixels, :pixels]
        centre = np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()
        assert np.abs(centre - landmarks[30]).max() < 0.6 * max(1, pixels / 128)


def test_resizing_to_the_same_size_changes_nothing() -> None:
    picture, landmarks = resize(PICTURE, LANDMARKS, 128)
    assert picture is PICTURE
    assert landmarks is LANDMARKS


def test_no_jitter_means_no_change() -> None:
    rng = np.random.default_rng(0)
    picture, landmarks = move(PICTURE, LANDMARKS, Jitter(), 128, rng)
    assert np.array_equal(recolour(picture, Jitter(), rng), PICTURE)
    assert np.array_equal(landmarks, LANDMARKS)


def test_colours_change_within_bytes() -> None:
    changed = recolour(PICTURE, Jitter(colour=0.3, blur=1.0), np.random.default_rng(1))
    assert changed.dtype == np.uint8
    assert changed.shape == PICTURE.shape
    assert not np.array_equal(changed, PICTURE)
