from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.lab import from_lab, to_lab
from service.imaging.skin import evened, measured
from tests.fakes.engine import mean_shape

PINK = (205, 140, 150)
SKIN, VIOLET, LEAF = np.array([68, 14, 17]), np.array([62, 20, 2]), np.array([60, -40, 35])  # L*a*b*
FACE = mean_shape()
NOSE = tuple(np.rint(FACE[30]).astype(int))


def drawn(colour: np.ndarray = SKIN, patch: np.ndarray | None = None, shade: float = 0) -> np.ndarray:
    """Skin that becomes darker from left to right, with a patch around the nose."""
    lab = np.empty((256, 256, 3), np.float32)
    lab[:] = colour
    lab += np.linspace(shade, -shade, 256)[None, :, None] * np.array([1, -0.4, 0.4], np.float32)
    if patch is not None:
        cv2.circle(lab, NOSE, 12, patch.tolist(), -1)
    return from_lab(lab)


def hole() -> np.ndarray:
    missing = np.zeros((256, 256), np.uint8)
    cv2.circle(missing, NOSE, 24, 1, -1)
    return missing


def at_nose(picture: np.ndarray) -> np.ndarray:
    return np.asarray(to_lab(picture)[NOSE[1], NOSE[0]])


def test_a_violet_nose_gets_the_colour_of_the_face_and_keeps_its_light() -> None:
    mended = evened(drawn(patch=VIOLET), drawn(), hole(), FACE)
    assert np.abs(at_nose(mended)[1:] - SKIN[1:]).max() < 3
    assert abs(at_nose(mended)[0] - VIOLET[0]) < 1


def test_a_grey_painting_gets_the_colour_of_the_face() -> None:
    """Of a face of which the middle is hidden."""
    mended = evened(drawn(np.array([60, 3, 3])), drawn(), hole(), FACE)
    assert np.abs(at_nose(mended)[1:] - SKIN[1:]).max() < 3


def test_shaded_skin_has_the_colour_that_known_skin_has_in_the_shade() -> None:
    """Known skin is yellower and less red where it is light: in the hole it may be, and an orange shadow is not."""
    shaded = drawn(shade=20)
    assert np.abs(evened(shaded, shaded, hole(), FACE).astype(int) - shaded).max() <= 1
    orange = drawn(patch=np.array([SKIN[0] - 20, 20, 26]), shade=20)
    assert at_nose(evened(orange, shaded, hole(), FACE))[2] < SKIN[2] - 2


@pytest.mark.parametrize("other", [LEAF, np.array([5, 2, 2])])
def test_what_is_no_skin_stays(other: np.ndarray) -> None:
    """A leaf before the nose; black hair."""
    painted = drawn(patch=other)
    assert np.abs(evened(painted, drawn(), hole(), FACE).astype(int) - painted)[NOSE[1], NOSE[0]].max() <= 1


def test_lips_and_eyes_stay() -> None:
    everywhere = np.ones((256, 256), np.uint8)
    painted = drawn()
    for middle in (FACE[36:42].mean(axis=0), FACE[42:48].mean(axis=0), FACE[[57, 66]].mean(axis=0)):
        cv2.circle(painted, tuple(np.rint(middle).astype(int)), 2, PINK, -1)
    mended = evened(painted, painted, everywhere, FACE)
    assert np.abs(mended[(painted == PINK).all(axis=2)].astype(int) - PINK).max() <= 4


def face_hidden() -> np.ndarray:
    """All from the brows down."""
    missing = np.zeros((256, 256), np.uint8)
    missing[int(FACE[17:27, 1].min()) - 3 :] = 1
    return missing


def test_of_a_face_hidden_from_the_brows_down_the_forehead_says_the_colour() -> None:
    grey = drawn(np.array([60, 3, 3]))
    mended = evened(grey, drawn(), face_hidden(), FACE)
    assert np.abs(at_nose(mended)[1:] - SKIN[1:]).max() < 3


@pytest.mark.parametrize("above", [LEAF, np.array([20, 10, 15])])
def test_above_the_brows_only_what_has_the_colour_of_skin_says_something(above: np.ndarray) -> None:
    """A green cap; dark hair."""
    mended = evened(drawn(patch=VIOLET, shade=20), drawn(above), face_hidden(), FACE)
    assert np.abs(at_nose(mended)[1:] - SKIN[1:]).max() < 5


def test_of_a_wholly_hidden_face_the_painted_skin_is_measured() -> None:
    everywhere = np.ones((256, 256), np.uint8)
    mended = evened(drawn(patch=VIOLET, shade=20), np.zeros((256, 256, 3), np.uint8), everywhere, FACE)
    as_light = SKIN[1:] + (VIOLET[0] - SKIN[0]) * np.array([-0.4, 0.4])
    assert np.abs(at_nose(mended)[1:] - as_light).max() < 3


def test_what_is_known_stays_and_so_does_all_without_a_hole_or_a_face() -> None:
    painted, nothing = drawn(patch=VIOLET), np.zeros((256, 256), np.uint8)
    assert (evened(painted, drawn(), hole(), FACE)[hole() == 0] == painted[hole() == 0]).all()
    assert (evened(painted, drawn(), nothing, FACE) == painted).all()
    assert (evened(painted, drawn(), hole(), FACE + 300) == painted).all()


def test_half_black_and_half_white_skin_is_measured() -> None:
    """The mean of both is as light as none of them."""
    halves = np.repeat(np.array([[20, 5, 8], [90, 4, 6]], np.float32), 2, axis=0)
    skin = measured(halves)
    assert skin.median[0] in halves[:, 0]
    assert np.isfinite(skin.slopes).all()
