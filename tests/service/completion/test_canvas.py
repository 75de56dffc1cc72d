from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from service.completion.canvas import Canvas, frame_of, lay, mirrored, paint
from service.completion.pipelines.protocol import Completion, FaceFrame
from service.completion.shares import Division, Share, Target, divide
from service.imaging.compose import Blend
from service.imaging.geometry import FrameTransform
from tests.fakes.engine import mean_shape
from tests.fakes.pictures import scene


def target(x: float, side_pixels: float = 250) -> Target:
    """A frame whose face lies in its middle; all of it is face."""
    return Target(FrameTransform.from_square((x, 200), side_pixels, (1.0, 0.0), 256), (0, 0, 1, 1), fills_frame=True)


LEFT, RIGHT = target(200), target(400)


def canvas(alpha: np.ndarray | None = None) -> Canvas:
    hole = np.zeros((400, 600), np.uint8)
    hole[150:250, 150:450] = 1
    rgb = scene(400, 600)
    rgb.setflags(write=False)
    return Canvas.emptied(rgb, alpha, hole)


def divided(picture: Canvas, *targets: Target) -> Division:
    return divide(picture.rgb, picture.hole, targets, 8)


def completed(
    picture: Canvas, faces: list[Target], colours: list[Completion], blend: Blend, feather_pixels: int
) -> np.ndarray:
    """The canvas with the faces laid over it, where there is no background to fill."""
    shares = divided(picture, *faces).shares
    frames, canvases = seen(picture, shares), [picture] * len(shares)
    return lay(picture.rgb, shares, paint(canvases, shares, frames, colours, blend, feather_pixels))


def seen(picture: Canvas, shares: Sequence[Share]) -> list[FaceFrame]:
    return [frame_of(picture, share.target) for share in shares]


def flat(*colour: int) -> Completion:
    return Completion(np.full((256, 256, 3), colour, np.uint8), None)


def test_the_hole_is_emptied_and_opaque() -> None:
    alpha = np.zeros((400, 600), np.uint8)
    alpha.setflags(write=False)
    picture, inside = canvas(alpha), canvas().hole > 0
    assert (picture.rgb[inside] == picture.rgb[inside][0]).all()
    assert np.array_equal(picture.rgb[~inside], scene(400, 600)[~inside])
    assert picture.alpha is not None
    assert (picture.alpha[inside] == 255).all()
    assert not picture.alpha[~inside].any()


def test_without_a_hole_nothing_is_touched() -> None:
    rgb = scene(40, 60)
    picture = Canvas.emptied(rgb, None, np.zeros((40, 60), np.uint8))
    assert picture.rgb is rgb


def test_the_frame_shows_all_of_the_hole_and_the_landmarks_in_its_own_pixels() -> None:
    picture = canvas()
    face = Target(LEFT.transform, LEFT.box, LEFT.transform.to_canvas(mean_shape()), fills_frame=True)
    frame = frame_of(picture, face)
    assert frame.landmarks is not None
    assert np.allclose(frame.landmarks, mean_shape())
    assert frame.hole.shape == (256, 256)
    assert frame.hole.mean() == pytest.approx((175 * 100) / (250 * 250), abs=0.02)


@pytest.mark.parametrize("blend", ["feather", "poisson", "none"])
def test_painting_fills_each_share_with_its_own_completion_and_nothing_else(blend: Blend) -> None:
    picture = canvas()
    before, hole = picture.rgb, picture.hole
    after = completed(picture, [LEFT, RIGHT], [flat(10), flat(240)], blend, 4)
    assert np.array_equal(after[hole == 0], before[hole == 0])
    assert (after[hole > 0] != before[hole > 0]).any(axis=-1).mean() > 0.95
    if blend == "none":
        assert (after[150:250, 150:270] == 10).all()
        assert (after[150:250, 330:450] == 240).all()


def test_where_two_faces_meet_they_fade_into_each_other() -> None:
    """Each counts half: nothing of what was in the hole shows through."""
    picture = canvas()
    after = completed(picture, [LEFT, RIGHT], [flat(10), flat(240)], "none", 0)
    assert (np.abs(after[200, 280:320].astype(int) - 125) <= 2).all()


def test_a_face_fades_into_the_background_without_a_step() -> None:
    """Landmarks in the middle of a large frame; the background's filling, here a flat colour, lies around the face."""
    hole = np.zeros((400, 600), np.uint8)
    hole[150:250, 20:590] = 1
    frame = FrameTransform.from_square((300, 200), 360, (1.0, 0.0), 256)
    face = Target(frame, (0, 0, 1, 1), frame.to_canvas(mean_shape()))
    picture = Canvas.emptied(np.full((400, 600, 3), 60, np.uint8), None, hole)
    division = divided(picture, face)
    paintings = paint([picture], division.shares, seen(picture, division.shares), [flat(220)], "none", 0)
    cores = lay(picture.rgb, division.shares, paintings, cores_only=True)
    assert (cores[division.background > 0] == picture.rgb[division.background > 0]).all()
    assert (cores[200, 300] == 220).all()
    filled = np.where(division.background[..., None] > 0, np.uint8(60), cores)
    row = lay(filled, division.shares, paintings)[200, :, 0].astype(int)
    assert (row[:60] == 60).all()
    assert (row[540:] == 60).all()
    assert (row[230:370] == 220).all()
    assert np.abs(np.diff(row)).max() <= 12


@pytest.mark.parametrize(("side_pixels", "times"), [(256, 1), (1024, 4)])
def test_the_seam_is_as_wide_as_the_face_is_large(side_pixels: int, times: int) -> None:
    """The painting is 40 levels lighter. Halfway through the seam of 16 pixels of the frame, half of that is left."""
    size = 300 * times
    hole = np.zeros((size, size), np.uint8)
    hole[100 * times : 200 * times, 100 * times : 200 * times] = 1
    frame = FrameTransform.from_square((size / 2, size / 2), side_pixels, (1.0, 0.0), 256)
    picture = Canvas.emptied(np.full((size, size, 3), 100, np.uint8), None, hole)
    face = Target(frame, (0, 0, 1, 1), fills_frame=True)
    row = completed(picture, [face], [flat(140)], "feather", 16)[size // 2, :, 0].astype(int)
    assert abs(row[108 * times] - 120) <= 5
    assert row[size // 2] == 140


def test_a_grey_picture_stays_grey() -> None:
    picture = Canvas(np.repeat(canvas().rgb[..., :1], 3, axis=2), None, canvas().hole)
    after = completed(picture, [LEFT, RIGHT], [flat(200, 120, 90)] * 2, "feather", 16)
    assert (after.max(axis=2) - after.min(axis=2)).max() <= 1


@pytest.mark.parametrize(("side_pixels", "grainy"), [(1200, True), (250, False)])
def test_an_enlarged_painting_gets_the_grain_of_its_surroundings(side_pixels: int, grainy: bool) -> None:
    """One that is not enlarged has the network's own."""
    noise = np.random.default_rng(0).normal(0, 6, (700, 700, 3))
    hole = np.zeros((700, 700), np.uint8)
    hole[250:450, 250:450] = 1
    picture = Canvas.emptied(np.clip(120 + noise, 0, 255).astype(np.uint8), None, hole)
    frame = FrameTransform.from_square((350, 350), side_pixels, (1.0, 0.0), 256)
    face = Target(frame, (0, 0, 1, 1), fills_frame=True)
    deviation = completed(picture, [face], [flat(120)], "none", 0)[260:440, 260:440].std()
    assert deviation == pytest.approx(6, abs=1) if grainy else deviation == 0


def test_a_large_face_shows_no_step_at_the_holes_edge() -> None:
    """A face 2,400 pixels wide, as a network paints it: right along the edge, 30 levels paler behind it."""
    size = 3000
    hole = np.zeros((size, size), np.uint8)
    hole[1100:1900, 1000:2000] = 1
    picture = Canvas.emptied(np.full((size, size, 3), 120, np.uint8), None, hole)
    frame = FrameTransform.from_square((1500, 1500), 2900, (1.0, 0.0), 256)
    face = Target(frame, (0, 0, 1, 1), fills_frame=True)
    depth = cv2.distanceTransform(frame.warp_hole(hole), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    raw = (120 + 30 * np.clip(depth / 3, 0, 1))[..., None].repeat(3, axis=2).round().astype(np.uint8)
    after = completed(picture, [face], [Completion(raw, None)], "feather", 16)
    inside = after[1100 + 16 : 1100 + 40, 1200:1800].mean(axis=(0, 1))
    outside = after[1100 - 40 : 1100 - 16, 1200:1800].mean(axis=(0, 1))
    assert np.abs(inside - outside).max() <= 4
    assert abs(after[1500, 1500].astype(float).mean() - 150) <= 3


def test_the_lattice_and_the_cast_of_a_painting_are_taken_off() -> None:
    """Skin that is redder than the skin around it, under a net of period 4; `none` shows it as it was painted."""
    skin, red = np.array([200, 150, 120]), np.array([215, 145, 112])
    rgb, hole = np.broadcast_to(skin, (400, 600, 3)).astype(np.uint8), canvas().hole
    rgb[:90] = (110, 179, 205)  # as light as skin: a picture of one tint would be kept so
    picture = Canvas.emptied(rgb, None, hole)
    net = np.tile(np.where(np.eye(4) > 0, 4, -1), (64, 64))[..., None]
    painting = Completion(np.clip(red + net, 0, 255).astype(np.uint8), None)
    one = Target(FrameTransform.from_square((300, 200), 512, (1.0, 0.0), 256), (0, 0, 1, 1), fills_frame=True)
    plain, mended = (completed(picture, [one], [painting], blend, 0)[200, 250:350] for blend in ("none", "poisson"))
    assert plain.std(axis=0).max() > 1
    assert mended.std(axis=0).max() < 0.6
    over = [pixels[..., 0].mean() - pixels[..., 2].mean() - (skin[0] - skin[2]) for pixels in (plain, mended)]
    assert over[0] > 20
    assert abs(over[1]) < 0.4 * over[0]


def portrait(lips: tuple[int, int, int]) -> np.ndarray:
    """A face whose eyes are dark discs."""
    face, shape = np.full((256, 256, 3), (200, 150, 125), np.uint8), mean_shape()
    face[:20] = (110, 179, 205)  # more than one tint
    for eye in (shape[36:42], shape[42:48]):
        cv2.circle(face, tuple(np.rint(eye.mean(axis=0)).astype(int).tolist()), 5, (40, 30, 20), -1)
    cv2.fillPoly(face, [np.rint(shape[48:60]).astype(np.int32)], lips)
    return face


def test_the_second_eye_and_the_lips_of_a_painting_are_mended() -> None:
    """No eye and violet lips, as a network painted them; `none` shows them so."""
    shape, truth = mean_shape(), portrait((170, 95, 90))
    hole = np.zeros((256, 256), np.uint8)
    for points in (shape[[*range(42, 48), *range(22, 27)]], shape[48:60]):
        (x0, y0), (x1, y1) = (points.min(axis=0) - 6).astype(int), (points.max(axis=0) + 6).astype(int)
        hole[y0:y1, x0:x1] = 1
    painting = portrait((120, 95, 115))
    eye, lip = (np.rint(points.mean(axis=0)).astype(int) for points in (shape[42:48], shape[[57, 66]]))
    painting[eye[1] - 8 : eye[1] + 9, eye[0] - 8 : eye[0] + 9] = (200, 150, 125)
    face = Target(FrameTransform(np.array([[1.0, 0, 0], [0, 1, 0]])), (0, 0, 1, 1), seen=shape, fills_frame=True)
    picture = Canvas.emptied(truth, None, hole)
    plain, mended = (
        completed(picture, [face], [Completion(painting, None)], blend, 0) for blend in ("none", "poisson")
    )
    assert plain[eye[1], eye[0]].max() > 190
    assert mended[eye[1], eye[0]].max() < 130
    (red, _, blue), (was_red, _, was_blue) = (one[lip[1], lip[0]].astype(int) for one in (mended, plain))
    assert red - blue > was_red - was_blue + 10


def test_a_violet_nose_of_a_painting_gets_the_colour_of_the_face() -> None:
    shape, truth = mean_shape(), portrait((170, 95, 90))
    x, y = np.rint(shape[30]).astype(int)
    hole = np.zeros((256, 256), np.uint8)
    hole[y - 20 : y + 13, x - 16 : x + 17] = 1
    painting = truth.copy()
    painting[y - 6 : y + 7, x - 6 : x + 7] = (180, 140, 165)
    face = Target(FrameTransform(np.array([[1.0, 0, 0], [0, 1, 0]])), (0, 0, 1, 1), seen=shape, fills_frame=True)
    picture = Canvas.emptied(truth, None, hole)
    plain, mended = (
        completed(picture, [face], [Completion(painting, None)], blend, 0) for blend in ("none", "poisson")
    )
    (red, _, blue), (was_red, _, was_blue) = (one[y, x].astype(int) for one in (mended, plain))
    assert red - blue > was_red - was_blue + 25


def test_whiskers_on_one_cheek_of_a_painting_come_to_the_other() -> None:
    shape, bare = mean_shape(), portrait((170, 95, 90))
    truth = bare.copy()
    cheeks = np.rint(0.65 * shape[[4, 12]] + 0.35 * shape[30]).astype(int)
    for x, y in cheeks:
        truth[y - 10 : y + 11, x - 7 : x + 8] = (50, 40, 35)
    hole = np.zeros((256, 256), np.uint8)
    hole[20:250, round(float(shape[27:31, 0].mean())) :] = 1
    face = Target(FrameTransform(np.array([[1.0, 0, 0], [0, 1, 0]])), (0, 0, 1, 1), seen=shape, fills_frame=True)
    picture = Canvas.emptied(truth, None, hole)
    plain, mended = (completed(picture, [face], [Completion(bare, None)], blend, 0) for blend in ("none", "poisson"))
    x, y = cheeks[1]
    place = slice(y - 4, y + 5), slice(x - 3, x + 4)
    assert plain[place].mean() > 130
    assert mended[place].mean() < 80


def half_hidden() -> tuple[Canvas, Target]:
    """A face whose one side is missing with all that lies beside it; the picture ends with the frame."""
    hole = np.zeros((256, 256), np.uint8)
    hole[:, 129:] = 1
    transform = FrameTransform(np.array([[1.0, 0, 0], [0, 1, 0]]))
    return Canvas.emptied(scene(256, 256), None, hole), Target(transform, (0, 0, 1, 1), seen=mean_shape())


def test_beside_a_half_hidden_face_its_other_side_is_shown_and_laid() -> None:
    picture, face = half_hidden()
    twofold = mirrored(picture, face)
    frame = frame_of(twofold, face)
    beside = (picture.hole > 0) & (frame.hole == 0)
    opposite = picture.rgb[:, ::-1][:, np.r_[255, :255]]
    assert beside[80:220, 230:].all()
    assert not beside[100:150, 129:190].any()  # the face itself is the network's
    assert np.array_equal(frame.image[beside], opposite[beside])
    shares = divided(picture, face).shares
    painting = paint([twofold], shares, [frame], [flat(240)], "none", 0)[0]
    inner = beside[shares[0].region.slices]
    assert np.array_equal(painting[inner], opposite[shares[0].region.slices][inner])
    assert (painting[~inner & (shares[0].opacity > 0)] == 240).all()


def test_a_face_that_is_not_hidden_to_its_side_is_shown_as_it_is() -> None:
    """So is one whose landmarks nobody knows."""
    _, face = half_hidden()
    inside = np.zeros((256, 256), np.uint8)
    inside[64:192, 64:192] = 1
    picture = Canvas.emptied(scene(256, 256), None, inside)
    assert mirrored(picture, face) is picture
    hidden = half_hidden()[0]
    assert mirrored(hidden, replace(face, seen=None)) is hidden
