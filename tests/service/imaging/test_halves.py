from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.halves import LEFT, RIGHT, halved
from tests.fakes.engine import mean_shape

SKIN, HAIR = (200, 150, 125), (60, 45, 35)
FACE = mean_shape()
MIDDLE = round(float(FACE[27:31, 0].mean()))


def drawn(beard: bool = True, spectacles: bool = True) -> np.ndarray:
    """A face with a beard from ear to ear and spectacles, on grey."""
    face = np.full((256, 256, 3), (120, 130, 140), np.uint8)
    outline = np.rint(FACE[[*range(17), *range(26, 16, -1)]]).astype(np.int32)
    cv2.fillPoly(face, [outline], SKIN)
    if beard:
        cv2.fillPoly(face, [np.rint(np.vstack((FACE[3:14], FACE[[54, 48]]))).astype(np.int32)], HAIR)
    for eye in (FACE[36:42], FACE[42:48]) if spectacles else ():
        cv2.circle(face, tuple(np.rint(eye.mean(axis=0)).astype(int).tolist()), 18, (20, 20, 25), 4)
    return face


def half(right: bool) -> np.ndarray:
    missing = np.zeros((256, 256), np.uint8)
    columns = slice(MIDDLE, None) if right else slice(None, MIDDLE)
    missing[20:250, columns] = 1
    return missing


def emptied(face: np.ndarray, missing: np.ndarray) -> np.ndarray:
    return np.where(missing[..., None] > 0, np.uint8(128), face)


def error(picture: np.ndarray, truth: np.ndarray, missing: np.ndarray) -> float:
    inside = cv2.erode(np.any(truth != 0, axis=-1).astype(np.uint8), np.ones((3, 3))) * missing
    return float(np.abs(picture.astype(int) - truth)[inside > 0].mean())


BARE = drawn(beard=False, spectacles=False)


def test_places_are_those_of_mirrors() -> None:
    mirrored = FACE[list(LEFT)] * (-1, 1) + (2 * float(FACE[27, 0]), 0)
    assert np.abs(mirrored - FACE[list(RIGHT)]).max() < 6
    assert len(set(LEFT)) == len(set(RIGHT)) == len(LEFT)
    assert set(LEFT) | set(RIGHT) == set(range(68))


@pytest.mark.parametrize("right", [False, True])
def test_half_a_beard_and_half_a_pair_of_spectacles_become_whole(right: bool) -> None:
    truth, missing = drawn(), half(right)
    mended = halved(BARE, emptied(truth, missing), missing, FACE)
    assert error(mended, truth, missing) < 0.3 * error(BARE, truth, missing)
    assert (mended[missing == 0] == BARE[missing == 0]).all()


def test_of_a_bare_face_all_stays_as_painted() -> None:
    missing = half(right=True)
    painted = np.clip(BARE.astype(int) + 12, 0, 255).astype(np.uint8)  # in another light
    assert (halved(painted, emptied(BARE, missing), missing, FACE) == painted).all()


def test_what_is_laid_over_has_the_light_of_the_painting() -> None:
    truth, missing = drawn(), half(right=True)
    darker = (BARE * 0.85).astype(np.uint8)
    mended = halved(darker, emptied(truth, missing), missing, FACE)
    eye = np.rint(FACE[42:48].mean(axis=0)).astype(int)
    cheek = mended[eye[1] + 24 : eye[1] + 30, eye[0] - 4 : eye[0] + 8]
    assert np.abs(cheek.mean(axis=(0, 1)) - 0.85 * np.array(SKIN)).max() < 6


def test_nothing_is_laid_over_where_both_halves_are_missing_or_known() -> None:
    truth = drawn()
    for missing in (np.ones((256, 256), np.uint8), np.zeros((256, 256), np.uint8), half(right=True)):
        if missing[:, :MIDDLE].mean() == 0 and missing.any():
            missing[180:, MIDDLE - 60 : MIDDLE] = 1  # a third of the known half
            missing[60:110, MIDDLE - 60 : MIDDLE] = 1
        assert halved(BARE, emptied(truth, missing), missing, FACE) is BARE


def test_a_face_from_the_side_has_no_second_half() -> None:
    turned = FACE.copy()
    right = turned[:, 0] > MIDDLE
    turned[right, 0] = MIDDLE + 0.3 * (turned[right, 0] - MIDDLE)
    missing = half(right=True)
    assert halved(BARE, emptied(drawn(), missing), missing, turned) is BARE


def test_a_face_beyond_its_frame_stays() -> None:
    missing = half(right=True)
    assert halved(BARE, emptied(drawn(), missing), missing, FACE + 1000) is BARE


def test_what_is_known_of_the_hidden_side_holds_the_other_half_off() -> None:
    """A hand over the cheek, outside of the hole: where it ends there is no beard."""
    truth, missing = drawn(), half(right=True)
    edge, rows = MIDDLE + 42, slice(195, 205)
    missing[170:, edge:] = 0
    truth[170:, edge:] = (230, 200, 190)
    mended = halved(BARE, emptied(truth, missing), missing, FACE).astype(int)
    changed = np.abs(mended - BARE).mean(axis=-1)[rows]
    assert changed[:, edge - 4 : edge].mean() < 0.5 * changed[:, MIDDLE + 2 : MIDDLE + 12].mean()
