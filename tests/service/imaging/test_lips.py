from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.lab import from_lab, to_lab
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
    lab = to_lab(picture)
    return lab[y, x] - lab[60, 128]


def test_violet_lips_become_redder_and_lighter() -> None:
    before, after = beside_skin(drawn(VIOLET)), beside_skin(reddened(drawn(VIOLET), drawn(SKIN), hole(), LIPS))
    assert before[0] < -20
    assert before[1] < 0
    assert after[0] > before[0] + 4
    assert after[1] > 3
    assert after[2] > before[2] + 5


def moved_levels(before: np.ndarray, after: np.ndarray) -> float:
    """By how many levels the mouth's pixels were moved, in the worst channel; mean."""
    mouth = (before != SKIN).any(axis=2) & (hole() > 0)
    return float(np.abs(after.astype(int) - before)[mouth].max(axis=1).mean())


def test_red_lips_teeth_and_everything_else_stay() -> None:
    assert moved_levels(drawn(RED), reddened(drawn(RED), drawn(SKIN), hole(), LIPS)) < 5
    assert moved_levels(drawn(VIOLET), reddened(drawn(VIOLET), drawn(SKIN), hole(), LIPS)) > 15
    mended = reddened(drawn(VIOLET), drawn(SKIN), hole(), LIPS)
    x, y = np.rint((LIPS[62] + LIPS[66]) / 2).astype(int)
    assert np.abs(mended[y, x].astype(int) - TEETH).max() <= 8
    assert (mended[hole() == 0] == drawn(VIOLET)[hole() == 0]).all()
    assert (mended[:100] == drawn(VIOLET)[:100]).all()


def test_patches_of_a_colour_go_and_light_and_shade_stay() -> None:
    """One half of the lips is violet, the other red."""
    patchy = np.where(np.arange(256)[None, :, None] < 128, drawn(VIOLET), drawn(RED))
    mended = reddened(patchy, drawn(SKIN), hole(), LIPS)
    before, after = (to_lab(picture) for picture in (patchy, mended))
    y = round((LIPS[57, 1] + LIPS[66, 1]) / 2)
    (was, _), (now, _) = (np.abs(lab[y, 120] - lab[y, 136])[[1, 0]] for lab in (before, after))
    assert now < 0.6 * was
    assert abs(abs(after[y, 120, 0] - after[y, 136, 0]) - abs(before[y, 120, 0] - before[y, 136, 0])) < 4


def test_specks_of_a_colour_go_from_lips_and_teeth() -> None:
    """Blue and yellow ones, as light as what they lie on."""
    specks = np.indices((256, 256)).sum(axis=0) // 3 % 2 * 2 - 1
    lab = to_lab(drawn(RED))
    lab[..., 2] += 12 * specks
    mended = to_lab(reddened(from_lab(lab), drawn(SKIN), hole(), LIPS))
    for part in (LIPS[[57, 66]].mean(axis=0), LIPS[[62, 66]].mean(axis=0)):
        x, y = np.rint(part).astype(int)
        near = np.s_[y - 2 : y + 3, x - 8 : x + 9]
        assert mended[near][..., 2].std() < 0.5 * lab[near][..., 2].std()
        assert np.abs(mended[near][..., 0] - to_lab(drawn(RED))[near][..., 0]).mean() < 3


def test_specks_go_where_no_lips_are_told_from_the_skin() -> None:
    """A smudge, a little lighter than the skin."""
    lab = to_lab(np.full((256, 256, 3), SKIN, np.uint8))
    lab[..., 0] += 5
    lab[..., 2] += 12 * (np.indices((256, 256)).sum(axis=0) // 3 % 2 * 2 - 1)
    x, y = np.rint(LIPS[[62, 66]].mean(axis=0)).astype(int)
    near = np.s_[y - 2 : y + 3, x - 8 : x + 9]
    mended = to_lab(reddened(from_lab(lab), drawn(SKIN), hole(), LIPS))
    assert mended[near][..., 2].std() < 0.3 * lab[near][..., 2].std()
    assert np.abs(mended[near][..., 0] - lab[near][..., 0]).max() < 3


def test_colours_that_no_mouth_has_go_and_grey_teeth_stay() -> None:
    """Violet teeth; the known half of a face says nothing of them."""
    violet = drawn(RED)
    cv2.fillPoly(violet, [np.rint(LIPS[60:68]).astype(np.int32)], (225, 190, 240))
    x, y = np.rint(LIPS[[62, 66]].mean(axis=0)).astype(int)
    was, now, grey = (
        to_lab(picture)[y, x]
        for picture in (violet, *(reddened(teeth, drawn(SKIN), hole(), LIPS) for teeth in (violet, drawn(RED))))
    )
    assert now[2] > was[2] + 15
    assert np.abs(grey - to_lab(drawn(RED))[y, x]).max() < 2


def test_lips_go_by_the_part_of_them_that_is_known() -> None:
    """Half of a violet mouth stays violet beside the other half."""
    half = hole(slice(0, 128))
    mended = reddened(drawn(VIOLET), drawn(VIOLET), half, LIPS)
    assert moved_levels(drawn(VIOLET), mended) < 5
    assert np.abs(beside_skin(mended) - beside_skin(drawn(VIOLET))).max() < 1


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
