from pathlib import Path

import cv2
import numpy as np

from training.data.finding import FaceFinder

PHOTOGRAPH = Path(__file__).parents[3] / "service" / "web" / "samples" / "astronaut.jpg"


def photograph() -> np.ndarray:
    picture = cv2.imread(str(PHOTOGRAPH))
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def test_a_face_is_found_at_any_size() -> None:
    picture = photograph()
    (box,) = FaceFinder()(picture, 64)
    for scale in (0.7, 2.5):
        (other,) = FaceFinder()(cv2.resize(picture, None, fx=scale, fy=scale), 40)
        assert np.allclose(
            [other.left / scale, other.top / scale, other.side_pixels / scale],
            [box.left, box.top, box.side_pixels],
            atol=0.2 * box.side_pixels,
        )


def test_smaller_faces_do_not_count() -> None:
    (box,) = FaceFinder()(photograph(), 64)
    assert FaceFinder()(photograph(), int(1.4 * box.side_pixels)) == []


def test_the_largest_comes_first_and_nothing_is_found_in_nothing() -> None:
    picture = photograph()
    small = cv2.resize(picture, None, fx=0.6, fy=0.6)
    both = np.zeros((picture.shape[0], picture.shape[1] + small.shape[1], 3), np.uint8)
    both[: small.shape[0], : small.shape[1]] = small
    both[:, small.shape[1] :] = picture
    first, second = FaceFinder()(both, 30)
    assert first.side_pixels > second.side_pixels
    assert first.left > small.shape[1] > second.left
    assert FaceFinder()(np.zeros((50, 80, 3), np.uint8), 24) == []
