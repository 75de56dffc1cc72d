from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import BadLandmarks
from service.imaging.faces import FaceBox
from service.imaging.geometry import CENTRE_ABOVE_BOX, SIDE_IN_BOXES, FrameTransform
from service.imaging.holes import Region
from tests.golden import GOLDEN

FACE = 256


def smooth(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    waves = np.sin(columns / 60), np.cos(rows / 50), np.sin((rows + columns) / 70)
    return np.rint(127 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


def landmarks_of(left: tuple[float, float], right: tuple[float, float], mouth: tuple[float, float]) -> np.ndarray:
    """68 points of which only eyes and mouth corners mean something."""
    landmarks = np.zeros((68, 2))
    landmarks[36:42], landmarks[42:48] = left, right
    across = np.subtract(right, left) / 4
    landmarks[48], landmarks[54] = mouth - across, mouth + across
    return landmarks


def square(
    centre: tuple[float, float] = (400.3, 310.7), side: float = 256, degrees: float = 0, frame_pixels: int = FACE
) -> FrameTransform:
    turn = math.radians(degrees)
    return FrameTransform.from_square(centre, side, (math.cos(turn), math.sin(turn)), frame_pixels)


class TestFromLandmarks:
    def test_an_upright_face(self) -> None:
        """Eyes 60 apart, mouth 70 below: half side max(2 * 60, 1.8 * 70) = 126, centre a tenth of 70 below the eyes."""
        transform = FrameTransform.from_landmarks(landmarks_of((170, 200), (230, 200), (200, 270)))
        assert transform.scale == pytest.approx(256 / 252)
        assert transform.to_frame(np.array([[200.0, 207.0]])) == pytest.approx(np.array([[127.5, 127.5]]))

    def test_wide_eyes_decide(self) -> None:
        transform = FrameTransform.from_landmarks(landmarks_of((150, 200), (250, 200), (200, 270)))
        assert transform.scale == pytest.approx(256 / 400)

    @settings(deadline=None)
    @given(st.floats(-180, 180), st.floats(0.2, 5), st.floats(-300, 300), st.floats(-300, 300))
    def test_turned_scaled_and_moved_faces_look_the_same(
        self, degrees: float, scale: float, x: float, y: float
    ) -> None:
        landmarks = landmarks_of((170, 200), (235, 190), (205, 265))
        turn = math.radians(degrees)
        turned = scale * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        moved = landmarks @ turned.T + (x, y)
        expected = FrameTransform.from_landmarks(landmarks).to_frame(landmarks)
        assert np.allclose(FrameTransform.from_landmarks(moved).to_frame(moved), expected, atol=1e-6)

    def test_a_face_in_place_stays_in_place(self) -> None:
        landmarks = landmarks_of((95.5, 118), (159.5, 118), (127.5, 118 + 95))
        once = FrameTransform.from_landmarks(landmarks)
        again = FrameTransform.from_landmarks(once.to_frame(landmarks))
        assert np.allclose(again.matrix, [[1, 0, 0], [0, 1, 0]], atol=1e-9)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, 5.0])
    def test_no_face(self, bad: float) -> None:
        with pytest.raises(BadLandmarks) as caught:
            FrameTransform.from_landmarks(np.full((68, 2), bad))
        assert caught.value.errors[0]["field"] == "landmarks"

    def test_eyes_along_the_mouth_direction(self) -> None:
        """Across and down cancel each other: no direction is left."""
        with pytest.raises(BadLandmarks):
            FrameTransform.from_landmarks(landmarks_of((100, 100), (150, 100), (125, 50)))

    def test_another_frame_size(self) -> None:
        landmarks = landmarks_of((170, 200), (230, 200), (200, 270))
        small = FrameTransform.from_landmarks(landmarks, frame_pixels=128)
        assert small.warp_image(smooth(300, 300)).shape == (128, 128, 3)
        assert small.to_frame(np.array([[200.0, 207.0]])) == pytest.approx(np.array([[63.5, 63.5]]))


class TestFromBox:
    def test_side_and_centre(self) -> None:
        transform = FrameTransform.from_box(FaceBox(100, 200, 200, 300, 5))
        assert transform.scale == pytest.approx(256 / (100 * SIDE_IN_BOXES))
        centre = np.array([[149.5, 249.5 - 100 * CENTRE_ABOVE_BOX]])
        assert transform.to_frame(centre) == pytest.approx(np.array([[127.5, 127.5]]))


class TestIdentity:
    def test_a_canvas_of_the_frames_size_is_the_frame(self) -> None:
        canvas = smooth(256, 256)
        hole = (np.random.default_rng(0).random((256, 256)) < 0.1).astype(np.uint8)
        transform = FrameTransform.identity((256, 256))
        assert np.array_equal(transform.warp_image(canvas), canvas)
        assert np.array_equal(transform.warp_hole(hole), hole)
        painted, coverage = transform.paste(canvas, (256, 256))
        assert np.array_equal(painted, canvas)
        assert coverage.all()

    @pytest.mark.parametrize("size", [(218, 178), (600, 800), (100, 700), (40, 40)])
    def test_the_whole_canvas_is_inside_undistorted_and_centred(self, size: tuple[int, int]) -> None:
        transform = FrameTransform.identity(size)
        painted, coverage = transform.paste(transform.warp_image(smooth(*size)), size)
        assert coverage.all()
        assert transform.scale == pytest.approx(256 / max(size))
        middle = np.array([[(size[1] - 1) / 2, (size[0] - 1) / 2]])
        assert transform.to_frame(middle) == pytest.approx(np.array([[127.5, 127.5]]))
        assert np.abs(painted.astype(int) - smooth(*size)).mean() < 1.5


class TestPoints:
    @settings(deadline=None)
    @given(st.floats(-180, 180), st.floats(10, 2000), st.floats(-1000, 1000), st.floats(-1000, 1000))
    def test_there_and_back(self, degrees: float, side: float, x: float, y: float) -> None:
        transform = square((x, y), side, degrees)
        points = np.array([(0.0, 0.0), (17.3, -4.0), (800, 600)])
        assert np.allclose(transform.to_canvas(transform.to_frame(points)), points, atol=1e-6)

    def test_a_dot_lands_where_the_points_say(self) -> None:
        canvas = np.zeros((600, 800, 3), np.uint8)
        canvas[297:304, 417:424] = 255
        transform = square(side=300, degrees=25)
        bright = np.argwhere(transform.warp_image(canvas)[..., 0] > 127)
        assert bright.mean(axis=0)[::-1] == pytest.approx(transform.to_frame(np.array([[420.0, 300.0]]))[0], abs=0.2)


class TestWarpAndPaste:
    @pytest.mark.parametrize("degrees", [0, 20, -33])
    @pytest.mark.parametrize("side", [90, 180, 256, 400, 600])
    def test_there_and_back_is_the_picture(self, side: float, degrees: float) -> None:
        canvas = smooth(700, 900)
        transform = square(side=side, degrees=degrees)
        painted, coverage = transform.paste(transform.warp_image(canvas), (700, 900))
        inner = np.roll(coverage, 6, 0) & np.roll(coverage, -6, 0) & np.roll(coverage, 6, 1) & np.roll(coverage, -6, 1)
        difference = np.abs(painted.astype(int) - canvas)[inner > 0]
        assert difference.max() <= 3
        assert difference.mean() < 0.5

    def test_a_shift_by_whole_pixels_is_exact_both_ways(self) -> None:
        canvas = np.random.default_rng(0).integers(0, 256, (600, 800, 3)).astype(np.uint8)
        transform = square((300.5, 250.5))
        frame = transform.warp_image(canvas)
        assert np.array_equal(frame, canvas[123:379, 173:429])
        painted, coverage = transform.paste(frame, (600, 800))
        assert np.array_equal(painted[123:379, 173:429], frame)
        assert int(coverage.sum()) == 256 * 256
        assert coverage[123:379, 173:429].all()

    @pytest.mark.parametrize("side", [512, 700, 2000])
    def test_shrinking_does_not_alias(self, side: float) -> None:
        canvas = np.zeros((2200, 2200, 3), np.uint8)
        canvas[:, ::2] = 255
        frame = square((1100, 1100), side).warp_image(canvas)
        assert np.abs(frame.astype(int) - 127).max() <= 20  # of 127: sampling single pixels would give all of it

    def test_shrinking_on_the_way_back_does_not_alias(self) -> None:
        stripes = np.zeros((256, 256, 3), np.uint8)
        stripes[:, ::2] = 255
        painted, coverage = square((60, 60), 100).paste(stripes, (120, 120))
        inner = painted[20:100, 20:100].astype(int)
        assert np.abs(inner - 127).max() <= 8
        assert coverage[20:100, 20:100].all()

    def test_beyond_the_canvas_it_is_reflected(self) -> None:
        canvas = smooth(300, 300)
        frame = square((127.5 - 56, 127.5)).warp_image(canvas)
        assert np.array_equal(frame[:, :56], canvas[:256, :56][:, ::-1])
        assert np.array_equal(frame[:, 56:], canvas[:256, :200])

    def test_a_frame_larger_than_its_canvas(self) -> None:
        assert square((20, 20), 400).warp_image(smooth(50, 40)).shape == (256, 256, 3)

    def test_a_frame_beside_the_canvas_covers_nothing(self) -> None:
        painted, coverage = square((5000, 5000)).paste(smooth(256, 256), (300, 300))
        assert not coverage.any()
        assert painted.shape == (300, 300, 3)

    def test_within_spares_work_but_changes_nothing_inside(self) -> None:
        transform, raw = square(side=350, degrees=12), smooth(256, 256)
        painted, coverage = transform.paste(raw, (700, 900))
        region = Region(380, 290, 470, 350)
        part, part_coverage = transform.paste(raw, (700, 900), region)
        assert np.abs(part[region.slices].astype(int) - painted[region.slices]).max() <= 1
        assert np.array_equal(part_coverage[region.slices], coverage[region.slices])
        assert int(part_coverage.sum()) == 90 * 60


class TestWarpHole:
    @settings(deadline=None, max_examples=60)
    @given(st.floats(-45, 45), st.floats(60, 1500), st.integers(0, 2**32 - 1))
    def test_no_missing_pixel_colours_a_known_one(self, degrees: float, side: float, seed: int) -> None:
        """Black or white under the hole, the frame's known pixels are the same."""
        random = np.random.default_rng(seed)
        hole = np.zeros((500, 600), np.uint8)
        for _ in range(6):
            x, y = random.integers(0, 560), random.integers(0, 460)
            hole[y : y + random.integers(1, 40), x : x + random.integers(1, 40)] = 1
        canvas = random.integers(0, 256, (500, 600, 3)).astype(np.uint8)
        black, white = canvas.copy(), canvas.copy()
        black[hole > 0], white[hole > 0] = 0, 255
        transform = square((300, 250), side, degrees)
        known = transform.warp_hole(hole) == 0
        difference = np.abs(transform.warp_image(black).astype(int) - transform.warp_image(white))[known]
        assert difference.size == 0 or difference.max() <= 3  # of 255: blur and kernel work in whole numbers

    @pytest.mark.parametrize("side", [100, 256, 900])
    def test_the_hole_does_not_grow_much(self, side: float) -> None:
        hole = np.zeros((1000, 1000), np.uint8)
        hole[460:540, 460:540] = 1
        transform = square((500, 500), side, 15)
        share = int(transform.warp_hole(hole).sum()) / (80 * transform.scale) ** 2
        assert share >= 1 or side == 100
        assert math.sqrt(int(transform.warp_hole(hole).sum())) <= 80 * transform.scale + 6 * max(1, transform.scale)

    def test_one_pixel_survives_any_shrinking(self) -> None:
        hole = np.zeros((3000, 3000), np.uint8)
        hole[1501, 1333] = 1
        assert square((1500, 1500), 2900, 7).warp_hole(hole).any()

    def test_beyond_the_canvas_only_reflected_holes_are_holes(self) -> None:
        hole = np.zeros((300, 300), np.uint8)
        transform = square((127.5 - 56, 127.5))
        assert not transform.warp_hole(hole).any()
        hole[100, 10] = 1
        assert np.argwhere(transform.warp_hole(hole)).tolist() == [[100, 45], [100, 66]]


def test_class_ids_are_pasted_unmixed() -> None:
    ids = np.zeros((256, 256), np.uint8)
    ids[:128], ids[128:] = 3, 9
    transform = FrameTransform.from_square((100.0, 80.0), 100.0, (1.0, 0.0), 256)
    region = transform.region((160, 200))
    assert region is not None
    pasted = np.zeros((160, 200), np.uint8)
    pasted[region.slices] = transform.paste_ids(ids, region)
    assert set(np.unique(pasted)) == {0, 3, 9}
    assert (pasted[32:80, 52:148] == 3).all()
    assert (pasted[82:128, 52:148] == 9).all()
    assert not pasted[:28].any()
    assert not pasted[:, :48].any()


def test_the_square_in_the_middle() -> None:
    transform = FrameTransform.centre_square((300, 400))
    corners = transform.to_canvas(np.array([[-0.5, -0.5], [255.5, 255.5]]))
    assert corners == pytest.approx(np.array([[49.5, -0.5], [349.5, 299.5]]))


class TestPasteWeights:
    def test_weights_lie_where_the_frame_lies_and_are_0_beyond(self) -> None:
        transform = FrameTransform.from_square((299.5, 199.5), 512, (1.0, 0.0), 256)
        weights = transform.paste_weights(np.ones((256, 256), np.float32), Region(0, 0, 600, 460))
        assert (weights[:440, 60:540] == 255).all()
        assert weights[:, :40].max() == 0
        assert weights[458:].max() == 0

    def test_a_rectangle_is_a_window_of_the_whole(self) -> None:
        transform = FrameTransform.from_square((300, 200), 700, (0.8, 0.6), 256)
        ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None], 256, axis=0)
        whole, window = Region(0, 0, 600, 460), Region(111, 77, 400, 300)
        seen = [transform.paste_weights(ramp, whole)[window.slices], transform.paste_weights(ramp, window)]
        assert np.abs(seen[0].astype(int) - seen[1]).max() <= 1


@pytest.mark.parametrize("side_pixels", [400, 1000.5, 3600])
def test_a_smooth_slope_is_enlarged_without_a_pattern(side_pixels: float) -> None:
    """Neither steps nor a checkerboard: the slope on the canvas is that of the frame, everywhere within a level."""
    y, x = np.mgrid[0:256, 0:256]
    raw = np.repeat(np.rint(20 + 0.6 * x + 0.2 * y)[..., None], 3, axis=2).astype(np.uint8)
    transform = FrameTransform.from_square((300, 300), side_pixels, (1.0, 0.0), 256)
    region = Region(150, 150, 450, 450)
    painted, _ = transform.paste(raw, (600, 600), within=region)
    columns, rows = np.meshgrid(np.arange(150, 450), np.arange(150, 450))
    points = transform.to_frame(np.column_stack((columns.ravel(), rows.ravel())).astype(float))
    wanted = (20 + 0.6 * points[:, 0] + 0.2 * points[:, 1]).reshape(300, 300)
    off = painted[region.slices].mean(axis=2) - wanted
    assert np.abs(off).max() <= 1.25
    checks = off * (-1) ** (columns + rows)
    assert abs(checks.mean()) < 0.02


@pytest.mark.parametrize("case", GOLDEN["alignments"]["landmarks"])
def test_the_alignment_is_the_one_of_training(case: dict) -> None:
    frame = FrameTransform.from_landmarks(np.array(case["landmarks"]), case["frame_pixels"])
    assert np.allclose(frame.matrix, case["matrix"], atol=1e-6)


@pytest.mark.parametrize("case", GOLDEN["alignments"]["boxes"])
def test_the_frame_around_a_box_is_the_one_of_training(case: dict) -> None:
    left, top, side = case["left"], case["top"], case["side_pixels"]
    frame = FrameTransform.from_box(FaceBox(left, top, left + side, top + side, 1), case["frame_pixels"])
    assert np.allclose(frame.matrix, case["matrix"], atol=1e-6)


def test_a_turned_box_gives_the_upright_boxs_frame_turned_about_its_middle() -> None:
    upright = FrameTransform.from_box(FaceBox(100, 200, 200, 300, 1))
    turned = FrameTransform.from_box(FaceBox(100, 200, 200, 300, 1, roll_degrees=90))
    middle = np.array([149.5, 249.5])
    above = np.array([[149.5, 219.5]])  # 30 pixels above the middle; turned clockwise, to its right
    assert np.allclose(turned.to_frame(middle[None]), upright.to_frame(middle[None]))
    assert np.allclose(turned.to_frame(np.add(middle, [[30, 0]])), upright.to_frame(above))


def test_a_resized_frame_is_the_same_square() -> None:
    small = FrameTransform.from_square((310.0, 205.0), 640.0, (0.6, 0.8), 256)
    large = small.resized(1024)
    assert (large.frame_pixels, large.scale) == (1024, pytest.approx(4 * small.scale))
    corners = [[-0.5, -0.5], [255.5, -0.5], [-0.5, 255.5], [255.5, 255.5]]  # of the frame, not of its pixels' middles
    wide = [[-0.5, -0.5], [1023.5, -0.5], [-0.5, 1023.5], [1023.5, 1023.5]]
    assert np.allclose(small.to_canvas(np.array(corners)), large.to_canvas(np.array(wide)), atol=1e-6)
    direct = FrameTransform.from_square((310.0, 205.0), 640.0, (0.6, 0.8), 1024)
    assert np.allclose(large.matrix, direct.matrix, atol=1e-9)
