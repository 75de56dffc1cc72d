import cv2
import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.data.parsing import IGNORE
from training.data.transforms import Jitter, draw_motion, flip, move, move_parsing, recolour, resize

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
        moved, landmarks = move(marked, points, draw_motion(jitter, 128, pixels, np.random.default_rng(seed)))
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
    picture, landmarks = move(PICTURE, LANDMARKS, draw_motion(Jitter(), 128, 128, rng))
    assert np.array_equal(recolour(picture, Jitter(), rng), PICTURE)
    assert np.array_equal(landmarks, LANDMARKS)


@pytest.mark.parametrize("pixels", [64, 128, 256])
def test_the_parsing_map_follows_the_picture(pixels: int) -> None:
    """A bright square and its class stay together; no class appears that was not there."""
    marked, parsing = np.zeros_like(PICTURE), np.full((128, 128), 3, np.uint8)
    marked[40:90, 50:80], parsing[40:90, 50:80] = 255, 7
    jitter = Jitter(rotation_degrees=25, scale=0.2, shift=0.1)
    for seed in range(5):
        motion = draw_motion(jitter, 128, pixels, np.random.default_rng(seed))
        moved, _ = move(marked, LANDMARKS, motion)
        classes = move_parsing(parsing, motion)
        assert set(np.unique(classes)) <= {3, 7, IGNORE}
        bright = moved[..., 0] > 127
        assert ((classes == 7) != bright).mean() < 0.02
        assert (classes == 7).any()


def test_what_comes_from_beyond_the_map_is_ignored() -> None:
    motion = draw_motion(Jitter(shift=0.3), 128, 128, np.random.default_rng(3))
    classes = move_parsing(np.zeros((128, 128), np.uint8), motion)
    assert set(np.unique(classes)) == {0, IGNORE}


def test_an_unmoved_parsing_map_is_only_resized() -> None:
    parsing = FACES.parsing(0)
    rng = np.random.default_rng(0)
    assert np.array_equal(move_parsing(parsing, draw_motion(Jitter(), 128, 128, rng)), parsing)
    doubled = move_parsing(parsing, draw_motion(Jitter(), 128, 256, rng))
    assert np.array_equal(doubled[::2, ::2], parsing)


def test_colours_change_within_bytes() -> None:
    changed = recolour(PICTURE, Jitter(colour=0.3, blur=1.0), np.random.default_rng(1))
    assert changed.dtype == np.uint8
    assert changed.shape == PICTURE.shape
    assert not np.array_equal(changed, PICTURE)


def plainly(picture: np.ndarray, jitter: Jitter, rng: np.random.Generator) -> np.ndarray:
    """`recolour` without its table: contrast and gains around the middle grey, brightness, grey, blur."""
    gains = 1 + rng.uniform(-1, 1, 3) * jitter.colour * 0.4
    contrast = 1 + rng.uniform(-1, 1) * jitter.colour
    values = (picture.astype(float) - 128) * (gains * contrast) + 128 + rng.uniform(-1, 1) * jitter.colour * 128
    if rng.random() < 0.15 * (jitter.colour > 0):
        values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < jitter.blur:
        values = cv2.GaussianBlur(values.astype(np.float32), (0, 0), rng.uniform(0.5, 2.0) * picture.shape[0] / 256)
    return np.clip(values, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("jitter", [Jitter(colour=0.3), Jitter(colour=0.8, blur=0.5), Jitter(blur=0.5)])
def test_a_table_changes_colours_as_the_formula_does(jitter: Jitter) -> None:
    for seed in range(40):
        changed, expected = (way(PICTURE, jitter, np.random.default_rng(seed)) for way in (recolour, plainly))
        assert np.array_equal(changed, expected), seed
