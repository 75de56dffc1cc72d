import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.data.holes import KINDS, HoleError, Mixture, face_box, make_hole, seeded_hole

LANDMARKS = DrawnFaces(1, 256).landmarks(0)


@pytest.mark.parametrize("kind", [*KINDS, "10-20", "40-60"])
@pytest.mark.parametrize("pixels", [64, 256])
def test_holes_are_zeros_and_ones_and_come_from_the_seed(kind: str, pixels: int) -> None:
    landmarks = LANDMARKS * pixels / 256
    hole = make_hole(kind, np.random.default_rng(5), pixels, landmarks)
    assert hole.shape == (pixels, pixels)
    assert hole.dtype == np.uint8
    assert set(np.unique(hole)) <= {0, 1}
    assert hole.any() == (kind != "none")
    assert np.array_equal(hole, make_hole(kind, np.random.default_rng(5), pixels, landmarks))


@pytest.mark.parametrize(("low", "high"), [(1, 20), (10, 20), (20, 30), (20, 40), (40, 50), (40, 60), (50, 60)])
def test_strokes_stay_in_their_bucket(low: int, high: int) -> None:
    holes = [seeded_hole(f"{low}-{high}", 3, place, 256, LANDMARKS) for place in range(20)]
    for hole in holes:
        assert low / 100 <= hole.mean() <= high / 100
    assert len({hole.tobytes() for hole in holes}) == 20


def test_the_sizes_of_the_papers() -> None:
    rng = np.random.default_rng(0)
    block = make_hole("block", rng, 256, LANDMARKS)
    assert block.sum() == 128 * 128
    center = make_hole("center", rng, 256, LANDMARKS)
    assert center[64:192, 64:192].all()
    assert center.sum() == 128 * 128
    assert make_hole("half", rng, 256, LANDMARKS).sum() == 128 * 256
    for _ in range(20):
        box = make_hole("box", rng, 256, LANDMARKS)
        assert 94 <= box.any(axis=0).sum() <= 128
        assert 94 <= box.any(axis=1).sum() <= 128


@pytest.mark.parametrize("side", range(16, 81, 8))
def test_squares_have_pixels_of_the_frame(side: int) -> None:
    """GFC, Figure 9: 16 to 80 px in steps of 8."""
    for index in range(5):
        hole = make_hole(f"{side}px", np.random.default_rng(index), 128, np.zeros((68, 2), np.float32))
        rows, columns = np.nonzero(hole.any(axis=1))[0], np.nonzero(hole.any(axis=0))[0]
        assert (len(rows), len(columns)) == (side, side)
        assert hole.sum() == len(rows) * len(columns)


def test_face_part_holes_cover_their_part_and_not_the_other() -> None:
    rng = np.random.default_rng(0)
    holes = {kind: make_hole(kind, rng, 256, LANDMARKS) for kind in ("O1", "O2", "O3", "O4", "O5", "O6")}
    x, y = np.round(LANDMARKS).astype(int).T

    def covered(kind: str, points: range) -> bool:
        return bool(holes[kind][y[list(points)], x[list(points)]].all())

    left_eye, right_eye, mouth = range(36, 42), range(42, 48), range(48, 68)
    assert covered("O1", left_eye)
    assert not covered("O1", right_eye)
    assert covered("O2", right_eye)
    assert not covered("O2", left_eye)
    assert covered("O3", left_eye)
    assert covered("O3", right_eye)
    assert not covered("O3", mouth)
    assert covered("O4", left_eye)
    assert not covered("O4", right_eye)
    assert covered("O5", right_eye)
    assert not covered("O5", left_eye)
    assert covered("O6", mouth)
    assert not covered("O6", left_eye)
    assert face_box(LANDMARKS)[1] < LANDMARKS[:, 1].min()


def test_a_hole_over_the_face_hides_all_of_it_and_no_corner_of_the_frame() -> None:
    hole = make_hole("face", np.random.default_rng(0), 256, LANDMARKS)
    x, y = np.round(LANDMARKS[17:]).astype(int).T  # brows, eyes, nose, mouth
    assert hole[y, x].all()
    x0, y0, x1, y1 = face_box(LANDMARKS)
    assert abs(float(hole.sum()) - np.pi / 4 * (x1 - x0) * (y1 - y0)) < 0.02 * (x1 - x0) * (y1 - y0)
    assert not hole[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_a_mixture_keeps_its_probabilities() -> None:
    mixture = Mixture(((0.5, "none"), (0.25, "center"), (0.25, "block")))
    rng = np.random.default_rng(0)
    empty = sum(not mixture.draw(rng, 32, LANDMARKS / 8).any() for _ in range(2000))
    assert empty / 2000 == pytest.approx(0.5, abs=0.05)


def test_probabilities_must_sum_to_one() -> None:
    with pytest.raises(AssertionError, match="sum to"):
        Mixture(((0.5, "none"),))


@pytest.mark.parametrize("kind", ["circle", "40", "60-40", "20-140", "a-b"])
def test_an_unknown_kind_lists_the_known_ones(kind: str) -> None:
    with pytest.raises(HoleError, match="center"):
        make_hole(kind, np.random.default_rng(0), 64, LANDMARKS)
