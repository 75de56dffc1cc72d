from __future__ import annotations

import numpy as np
import pytest

from service.imaging.cast import LUMA, without_cast

SKIN, RED = np.array([200, 150, 120]), np.array([215, 145, 112])


def hole(side: int) -> np.ndarray:
    missing = np.zeros((side, side), np.uint8)
    missing[side // 4 : side * 3 // 4, side // 4 : side * 3 // 4] = 1
    return missing


def filled(side: int, colour: np.ndarray) -> np.ndarray:
    return np.broadcast_to(colour, (side, side, 3)).astype(np.uint8)


@pytest.mark.parametrize("side", [128, 256])
def test_redder_skin_gets_the_colours_of_the_skin_around_it(side: int) -> None:
    inside = hole(side) > 0
    mended = without_cast(filled(side, RED), filled(side, SKIN), hole(side))
    chroma = [colour - float(colour @ LUMA) for colour in (mended[inside].mean(axis=0), SKIN)]
    assert np.abs(chroma[0] - chroma[1]).max() < 3
    assert float(mended[inside].mean(axis=0) @ LUMA) == pytest.approx(float(RED @ LUMA), abs=1), "as light as before"


def test_a_rim_that_fits_hides_no_cast() -> None:
    painted, missing = filled(256, SKIN).copy(), hole(256)
    painted[67:189, 67:189] = RED
    mended = without_cast(painted, filled(256, SKIN), missing)
    assert np.abs(mended[128, 128] - float(mended[128, 128] @ LUMA) - (SKIN - float(SKIN @ LUMA))).max() < 4


def test_hair_around_does_not_colour_skin() -> None:
    hair = filled(256, np.array([60, 40, 25]))
    assert (without_cast(filled(256, SKIN), hair, hole(256)) == SKIN).all()


def test_of_two_surroundings_the_like_one_counts() -> None:
    around = filled(256, SKIN).copy()
    around[:, :128] = (20, 60, 200)  # a blue wall
    mended = without_cast(filled(256, RED), around, hole(256))
    assert mended[128, 150, 0] < RED[0] - 5
    assert int(mended[128, 80, 2]) < 150, "the wall does not shine on the face"


def test_a_grey_painting_in_a_grey_picture_stays_grey() -> None:
    mended = without_cast(filled(256, np.full(3, 120)), filled(256, np.full(3, 140)), hole(256))
    assert (mended == 120).all()


@pytest.mark.parametrize("missing", [np.zeros((64, 64), np.uint8), np.ones((64, 64), np.uint8)])
def test_without_a_hole_or_without_surroundings_nothing_changes(missing: np.ndarray) -> None:
    assert (without_cast(filled(64, RED), filled(64, SKIN), missing) == RED).all()


def test_outside_the_hole_nothing_changes() -> None:
    mended = without_cast(filled(256, RED), filled(256, SKIN), hole(256))
    assert (mended[hole(256) == 0] == RED).all()
