from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.symmetry import EYES, paired
from tests.fakes.engine import mean_shape

SKIN = (200, 150, 125)
FACE = mean_shape()
LEFT, RIGHT = (FACE[list(side)] for side in EYES.sides)


def drawn(look: float = 0.0, eyes: tuple[int, ...] = (0, 1)) -> np.ndarray:
    """A face with white eyes, brown irises and dark brows; `look` pixels to the right."""
    face = np.full((256, 256, 3), SKIN, np.uint8)
    for side in eyes:
        points = (LEFT, RIGHT)[side]
        cv2.fillPoly(face, [np.rint(points[:6]).astype(np.int32)], (240, 240, 235))
        centre = (points[0] + points[3]) / 2 + (look, 0)
        cv2.circle(face, tuple(np.rint(centre).astype(int).tolist()), 4, (70, 40, 20), -1)
        cv2.polylines(face, [np.rint(points[6:]).astype(np.int32)], isClosed=False, color=(60, 40, 30), thickness=3)
    return face


def with_mouth() -> np.ndarray:
    """The same with red lips and teeth."""
    face = drawn()
    cv2.fillPoly(face, [np.rint(FACE[48:60]).astype(np.int32)], (170, 90, 90))
    cv2.fillPoly(face, [np.rint(FACE[60:68]).astype(np.int32)], (235, 230, 225))
    return face


def hole(points: np.ndarray, grown: int = 8) -> np.ndarray:
    missing = np.zeros((256, 256), np.uint8)
    (x0, y0), (x1, y1) = (points.min(axis=0) - grown).astype(int), (points.max(axis=0) + grown).astype(int)
    missing[y0:y1, x0:x1] = 1
    return missing


def emptied(face: np.ndarray, missing: np.ndarray) -> np.ndarray:
    return np.where(missing[..., None] > 0, np.uint8(128), face)


SMUDGE = np.full((256, 256, 3), (190, 142, 120), np.uint8)


def error(picture: np.ndarray, truth: np.ndarray, missing: np.ndarray) -> float:
    return float(np.abs(picture.astype(int) - truth)[missing > 0].mean())


@pytest.mark.parametrize("side", [0, 1])
def test_an_eye_beside_one_that_is_seen_is_its_mirror(side: int) -> None:
    missing, truth = hole((LEFT, RIGHT)[side]), drawn()
    mended = paired(SMUDGE, emptied(truth, missing), missing, FACE)
    assert error(mended, truth, missing) < 0.5 * error(SMUDGE, truth, missing)
    assert (mended[missing == 0] == SMUDGE[missing == 0]).all()


@pytest.mark.parametrize("left", [True, False])
def test_half_a_mouth_is_the_mirror_of_the_other_half(left: bool) -> None:
    truth, missing = with_mouth(), hole(FACE[48:60])
    middle = round(float(FACE[51, 0]))
    missing[:, slice(middle, None) if left else slice(0, middle)] = 0
    mended = paired(SMUDGE, emptied(truth, missing), missing, FACE)
    assert error(mended, truth, missing) < 0.5 * error(SMUDGE, truth, missing)
    assert (mended[missing == 0] == SMUDGE[missing == 0]).all()


def test_nothing_is_taken_from_what_is_missing_itself() -> None:
    """A little of the known half lies in the hole."""
    truth, missing = with_mouth(), hole(FACE[48:60])
    missing[:, : round(float(FACE[51, 0])) - 2] = 0
    answers = [paired(SMUDGE, np.where(missing[..., None] > 0, np.uint8(v), truth), missing, FACE) for v in (0, 255)]
    assert error(answers[0], truth, missing) < error(SMUDGE, truth, missing)
    assert np.abs(answers[0].astype(int) - answers[1]).max() <= 1


@pytest.mark.parametrize("look", [-4.0, 4.0])
def test_both_eyes_look_to_the_same_side(look: float) -> None:
    missing = hole(RIGHT)
    mended = paired(SMUDGE, emptied(drawn(look), missing), missing, FACE)
    x0, x1 = np.rint(RIGHT[[3, 0], 0]).astype(int)
    y = int(np.rint((RIGHT[0, 1] + RIGHT[3, 1]) / 2))
    dark = np.clip(150 - mended[y - 2 : y + 3, x0:x1].astype(float).mean(axis=(0, 2)), 0, None)
    iris = x0 + float((np.arange(x1 - x0) * dark).sum() / dark.sum())
    assert (iris - float(RIGHT[[0, 3], 0].mean())) * np.sign(look) > 1.5


def test_it_has_the_light_of_its_side() -> None:
    """The hidden side lies in shade; so does the eye that is painted there."""
    truth = drawn().astype(np.float32)
    truth[:, 128:] *= 0.6
    missing = hole(RIGHT)
    shade = np.full((256, 256, 3), np.array(SKIN) * 0.6, np.uint8)
    mended = paired(shade, emptied(truth.astype(np.uint8), missing), missing, FACE)
    corner = hole(RIGHT) - hole(RIGHT, 0) > 0
    assert np.abs(mended[corner].astype(float).mean(axis=0) - np.array(SKIN) * 0.6).max() < 14


@pytest.mark.parametrize("points", [np.concatenate((LEFT, RIGHT)), FACE[48:60], FACE[:17]])
def test_both_eyes_missing_or_neither_are_the_network_s(points: np.ndarray) -> None:
    missing = hole(points) if len(points) != 17 else np.ones((256, 256), np.uint8)
    assert (paired(SMUDGE, emptied(drawn(), missing), missing, FACE) == SMUDGE).all()


def test_a_face_from_the_side_has_no_mirror() -> None:
    turned = FACE.copy()
    turned[list(EYES.sides[1])] = RIGHT.mean(axis=0) + (RIGHT - RIGHT.mean(axis=0)) * (0.3, 1)
    assert (paired(SMUDGE, drawn(), hole(turned[list(EYES.sides[1])]), turned) == SMUDGE).all()


def test_eyes_beyond_the_frame_are_left_alone() -> None:
    missing = hole(LEFT)
    assert (paired(SMUDGE, drawn(), missing, FACE + np.array([150.0, 0])) == SMUDGE).all()
    assert (paired(SMUDGE, drawn(), missing, FACE + 400) == SMUDGE).all()
