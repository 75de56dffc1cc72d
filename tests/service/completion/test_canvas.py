from __future__ import annotations

import numpy as np
import pytest

from service.completion.canvas import Canvas, Target, cut_shares, reaches_beyond, settle
from service.completion.pipelines.protocol import Completion
from service.imaging.compose import Blend
from service.imaging.geometry import FrameTransform
from tests.fakes.engine import mean_shape
from tests.fakes.pictures import scene

LEFT = Target(FrameTransform.from_square((200, 200), 300, (1.0, 0.0), 256))
RIGHT = Target(FrameTransform.from_square((400, 200), 300, (1.0, 0.0), 256))


def canvas() -> Canvas:
    hole = np.zeros((400, 600), np.uint8)
    hole[150:250, 150:450] = 1
    rgb = scene(400, 600)
    rgb.setflags(write=False)
    return Canvas(rgb, None, hole)


def flat(colour: int) -> Completion:
    return Completion(np.full((256, 256, 3), colour, np.uint8), None)


def test_every_hole_pixel_has_one_share_at_most() -> None:
    picture = canvas()
    shares = cut_shares(picture, [LEFT, RIGHT])
    assert np.array_equal(sum(share.hole for share in shares), picture.hole)
    assert shares[0].hole[200, 290]
    assert shares[1].hole[200, 310]


def test_a_target_without_a_share_is_left_out() -> None:
    far = Target(FrameTransform.from_square((550, 50), 80, (1.0, 0.0), 256))
    assert [share.target for share in cut_shares(canvas(), [far, LEFT])] == [LEFT]
    assert cut_shares(canvas(), []) == []


def test_the_frame_shows_all_of_the_hole_and_the_landmarks_in_its_own_pixels() -> None:
    target = Target(LEFT.transform, None, LEFT.transform.to_canvas(mean_shape()))
    (share,) = cut_shares(canvas(), [target])
    assert share.frame.landmarks is not None
    assert np.allclose(share.frame.landmarks, mean_shape())
    assert share.frame.hole.shape == (256, 256)
    assert share.frame.hole.mean() == pytest.approx((200 * 100) / (300 * 300), abs=0.02)


@pytest.mark.parametrize("blend", ["feather", "poisson", "none"])
def test_settling_fills_each_share_with_its_own_completion_and_nothing_else(blend: Blend) -> None:
    picture = canvas()
    before, hole = picture.rgb, picture.hole
    settle(picture, cut_shares(picture, [LEFT, RIGHT]), [flat(10), flat(240)], blend, 4)
    assert np.array_equal(picture.rgb[hole == 0], before[hole == 0])
    assert not picture.hole.any()
    assert (picture.rgb[hole > 0] != before[hole > 0]).any(axis=-1).mean() > 0.95
    if blend == "none":
        assert (picture.rgb[150:250, 150:290] == 10).all()
        assert (picture.rgb[150:250, 310:450] == 240).all()


def test_what_no_frame_reaches_stays_a_hole() -> None:
    picture = canvas()
    settle(picture, cut_shares(picture, [LEFT]), [flat(10)], "none", 0)
    assert not picture.hole[:, :350].any()
    assert picture.hole[200, 360]
    assert np.array_equal(picture.rgb[200, 360], scene(400, 600)[200, 360])


def test_whether_the_hole_reaches_beyond_a_frame() -> None:
    picture = canvas()
    assert reaches_beyond(picture.hole, LEFT.transform)
    assert not reaches_beyond(picture.hole, FrameTransform.identity((400, 600)))
