from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.lips import reddened
from tests.fakes.engine import mean_shape

SKIN, VIOLET, RED, TEETH = (200, 150, 125), (120, 95, 115), (185, 108, 98), (235, 230, 225)
LIPS = mean_shape()


def drawn(colour: tuple[int, int, int], skin: tuple[int, int, int] = SKIN) -> np.ndarray:
    """A face with lips of a colour, and teeth between them."""
    face = np.full((256, 256, 3), skin, np.uint8)
    cv2.fillPoly(face, [np.rint(LIPS[48:60]).astype(np.int32)], colour)
    cv2.fillPoly(face, [np.rint(LIPS[60:68]).astype(np.int32)], TEETH)
    return face


def hole(part: slice = slice(None)) -> np.ndarray:
    """Over the mouth, or some columns of it."""
    left, top = (LIPS[48:60].min(axis=0) - 12).astype(int)
    right, bottom = (LIPS[48:60].max(axis=0) + 12).astype(int)
    missing = np.zeros((256, 256), np.uint8)
    missing[top:bottom, left:right] = 1
    missing[:, [column for column in range(256) if column not in range(256)[part]]] = 0
    return missing


def beside_skin(picture: np.ndarray) -> np.ndarray:
    """L*a*b* of the lower lip's middle, beside the skin's."""
    x, y = np.rint((LIPS[57] + LIPS[66]) / 2).astype(int)
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab[y, x] - lab[60, 128]


def test_violet_lips_become_redder_and_lighter() -> None:
    before, after = beside_skin(drawn(VIOLET)), beside_skin(reddened(drawn(VIOLET), drawn(SKIN), hole(), LIPS))
    assert before[0] < -20
    assert before[1] < 0
    assert after[0] > before[0] + 4
    assert after[1] > 3
    assert after[2] > before[2] + 5


def test_red_lips_teeth_and_everything_else_stay() -> None:
    assert (reddened(drawn(RED), drawn(SKIN), hole(), LIPS) == drawn(RED)).all()
    mended = reddened(drawn(VIOLET), drawn(SKIN), hole(), LIPS)
    x, y = np.rint((LIPS[62] + LIPS[66]) / 2).astype(int)
    assert np.abs(mended[y, x].astype(int) - TEETH).max() <= 2
    assert (mended[hole() == 0] == drawn(VIOLET)[hole() == 0]).all()
    assert (mended[:100] == drawn(VIOLET)[:100]).all()


def test_patches_of_a_colour_go_and_light_and_shade_stay() -> None:
    """One half of the lips is violet, the other red."""
    patchy = np.where(np.arange(256)[None, :, None] < 128, drawn(VIOLET), drawn(RED))
    mended = reddened(patchy, drawn(SKIN), hole(), LIPS)
    before, after = (cv2.cvtColor(p.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for p in (patchy, mended))
    y = round((LIPS[57, 1] + LIPS[66, 1]) / 2)
    (was, _), (now, _) = (np.abs(lab[y, 120] - lab[y, 136])[[1, 0]] for lab in (before, after))
    assert now < 0.6 * was
    assert abs(abs(after[y, 120, 0] - after[y, 136, 0]) - abs(before[y, 120, 0] - before[y, 136, 0])) < 4


def test_lips_go_by_the_part_of_them_that_is_known() -> None:
    """Half of a violet mouth stays violet beside the other half."""
    half = hole(slice(0, 128))
    assert np.abs(reddened(drawn(VIOLET), drawn(VIOLET), half, LIPS).astype(int) - drawn(VIOLET)).max() <= 2


def test_grey_skin_gets_no_red_lips() -> None:
    grey = (120, 120, 120)
    mended = reddened(drawn(grey, (180, 180, 180)), drawn((180,) * 3, (180,) * 3), hole(), LIPS)
    assert np.ptp(mended.astype(int), axis=2).max() <= np.ptp(TEETH) + 1


@pytest.mark.parametrize("shown", [0, 1])
def test_of_a_wholly_hidden_face_the_painted_skin_counts(shown: int) -> None:
    missing = np.ones((256, 256), np.uint8)
    assert beside_skin(reddened(drawn(VIOLET), np.full((256, 256, 3), 128 * shown, np.uint8), missing, LIPS))[1] > 3


def test_lips_beyond_the_frame_are_left_alone() -> None:
    assert (reddened(drawn(VIOLET), drawn(SKIN), hole(), LIPS + 300) == drawn(VIOLET)).all()


def test_without_a_hole_nothing_changes() -> None:
    nothing = np.zeros((256, 256), np.uint8)
    assert (reddened(drawn(VIOLET), drawn(SKIN), nothing, LIPS) == drawn(VIOLET)).all()
