from __future__ import annotations

import numpy as np
import pytest

from service.completion.shares import FULL, HALF, Division, Target, divide
from service.imaging.geometry import FrameTransform
from service.imaging.holes import Region
from tests.fakes.engine import mean_shape
from tests.fakes.pictures import box_mask, scene

HEIGHT, WIDTH = 400, 900


def face(x: float, y: float = 200, side_pixels: float = 300) -> Target:
    frame = FrameTransform.from_square((x, y), side_pixels, (1.0, 0.0), 256)
    landmarks = frame.to_canvas(mean_shape())
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    return Target(frame, (low[0], low[1], high[0], high[1]), None, landmarks)


def hole(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    return np.maximum.reduce([box_mask(HEIGHT, WIDTH, box) for box in boxes]) // 255


def divided(missing: np.ndarray, *targets: Target, max_parts: int = 8) -> Division:
    return divide(scene(HEIGHT, WIDTH), missing, targets, max_parts)


def covered(division: Division) -> np.ndarray:
    """[H,W]: how much of every pixel the shares cover, laid one over the other."""
    seen = np.zeros((HEIGHT, WIDTH))
    for share in division.shares:
        opacity = share.opacity / FULL
        seen[share.region.slices] = seen[share.region.slices] * (1 - opacity) + opacity
    return seen


def test_a_hole_on_a_face_is_the_faces_alone() -> None:
    missing = hole((260, 150, 340, 260))
    division = divided(missing, face(300))
    (share,) = division.shares
    assert share.region == Region(260, 150, 340, 260)
    assert (share.opacity == FULL).all()
    assert not division.background.any()
    assert (division.background_parts, division.background_regions) == ([], [])


def test_a_hole_far_from_every_face_is_background() -> None:
    missing = hole((700, 100, 800, 200))
    division = divided(missing, face(300))
    assert division.shares == []
    assert np.array_equal(division.background, missing)
    assert division.background_regions == [Region(700, 100, 800, 200)]


def test_a_hole_half_on_a_face_is_shared_softly() -> None:
    missing = hole((280, 120, 620, 260))
    division = divided(missing, face(300))
    (share,) = division.shares
    row = covered(division)[200]
    assert row[300] == 1
    assert row[610] == 0
    assert np.abs(np.diff(row[281:619])).max() < 0.06
    assert (covered(division) * (1 - missing)).max() == 0
    assert ((covered(division) > 0) & (division.background > 0)).any()
    assert np.array_equal((covered(division) > 0) | (division.background > 0), missing > 0)
    assert division.background_regions[0].x1 == 620
    assert share.region.x0 == 280


def test_the_soft_border_of_a_face_alone_needs_no_background() -> None:
    """All of the hole is more than half the face's: then it is the face's."""
    missing = hole((300, 180, 410, 230))
    division = divided(missing, face(300))
    assert 0.5 < face(300).weights(Region(409, 200, 410, 201))[0, 0] / FULL < 1
    assert np.array_equal(covered(division), missing)
    assert not division.background.any()


def test_a_face_that_is_hardly_touched_is_left_alone() -> None:
    missing = hole((424, 150, 600, 260))
    weights = face(300).weights(Region(424, 150, 600, 260))
    assert 0 < weights.max() < HALF
    assert divided(missing, face(300)).shares == []


def test_every_pixel_is_covered_where_faces_meet() -> None:
    missing = hole((250, 150, 650, 250))
    division = divided(missing, face(300), face(450), face(600))
    assert [share.target.box for share in division.shares] == [face(x).box for x in (300, 450, 600)]
    assert np.allclose(covered(division), missing, atol=0.01)


def test_a_face_that_fills_its_frame_has_all_of_it() -> None:
    frame = FrameTransform.identity((HEIGHT, WIDTH))
    missing = hole((0, 0, 900, 380))
    division = divided(missing, Target(frame, (0, 0, WIDTH, HEIGHT), fills_frame=True))
    assert np.array_equal(covered(division), missing)
    assert not division.background.any()


def test_no_background_is_made_of_a_face_even_of_one_that_is_hardly_touched() -> None:
    missing = hole((424, 150, 600, 260))
    barred = divided(missing, face(300)).barred
    assert barred[200, 300]
    assert not barred[200, 800]


def test_in_a_rest_beside_a_face_skin_may_go_on_but_no_eye() -> None:
    missing = hole((200, 150, 455, 260))
    target = face(300)
    barred = divided(missing, target).barred
    assert target.seen is not None
    for x, y in np.rint(target.seen[17:]).astype(int):
        assert barred[y, x]
    chin = np.rint(target.seen[8]).astype(int)
    assert not barred[chin[1], chin[0]]


def test_no_more_parts_than_allowed() -> None:
    dots = [(x, y, x + 10, y + 10) for x in range(20, 900, 200) for y in range(20, 400, 120)]
    division = divided(hole(*dots), max_parts=3)
    assert 1 <= len(division.background_parts) <= 3
    left = division.background.copy()
    for part in division.background_parts:
        left[part.slices] = 0
    assert not left.any()


@pytest.mark.parametrize("side_pixels", [200, 300])
def test_the_grain_is_measured_for_enlarged_faces_alone(side_pixels: int) -> None:
    missing = hole((270, 160, 330, 240))
    (share,) = divided(missing, face(300, side_pixels=side_pixels)).shares
    assert (share.grain is not None) == (side_pixels > 256)
    if share.grain is not None:
        assert share.grain.deviation == pytest.approx(4, rel=0.2)  # as drawn


def test_the_tint_is_that_of_the_picture() -> None:
    missing = hole((270, 160, 330, 240))
    grey = np.repeat(scene(HEIGHT, WIDTH)[..., :1], 3, axis=2)
    assert divided(missing, face(300)).shares[0].tint is None
    assert divide(grey, missing, [face(300)], 8).shares[0].tint is not None


def test_no_hole_no_share() -> None:
    division = divided(np.zeros((HEIGHT, WIDTH), np.uint8), face(300))
    assert (division.shares, division.background_parts) == ([], [])
