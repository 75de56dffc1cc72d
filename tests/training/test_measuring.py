"""Measuring: figures of systems whose answers are known."""

import math
import threading
from dataclasses import replace

import pytest
import torch

from tests.fakes.features import Colours
from training.data.drawn import DrawnFaces
from training.framed import frame_faces
from training.given import Answer, Given
from training.measuring import Row, measure
from training.metrics.perception import FeatureDistance
from training.metrics.pixels import l1_percent
from training.metrics.profiles import PROFILES, Profile
from training.yardstick import NME, SPREAD, Yardstick


@pytest.fixture(scope="module")
def faces():
    return frame_faces(DrawnFaces(3, 64, seed=2), 256)


def rows_of(faces, system, yardstick, kinds=("center",), **options) -> list[Row]:
    return list(measure({"method": system}, faces, kinds, 0, yardstick, **options))


def truth(faces) -> torch.Tensor:
    """All pictures, whole."""
    return torch.cat([batch.image for batch in faces.batches(3)])


def oracle_of(faces):
    """It has learnt these faces by heart, and sees landmarks 3 px to the right."""
    images = truth(faces)

    def oracle(given: Given) -> Answer:
        places = [seed[-1] for seed in given.noise_seeds]
        return Answer(raw=images[places], landmarks=given.landmarks + torch.tensor([3.0, 0.0]))

    return oracle


def black(given: Given) -> Answer:
    return Answer(raw=torch.zeros_like(given.image))


STANDARD = Yardstick(PROFILES["standard"], FeatureDistance(Colours()), Colours())
QUICK = Yardstick(
    Profile("quick", "L1", ("L1 %",), lambda completed, image, hole: {"L1 %": l1_percent(completed, image)}),
    FeatureDistance(Colours()),
)


def test_a_perfect_system_has_perfect_figures(faces):
    (row,) = rows_of(faces, oracle_of(faces), STANDARD)
    assert math.isinf(row.figures["PSNR"])
    assert row.figures["SSIM"] == pytest.approx(1)
    assert row.figures["L1 %"] == 0
    assert row.figures["feature distance (colours)"] == 0
    assert row.figures["Frechet distance (colours)"] == pytest.approx(0, abs=1e-9)
    landmarks = next(faces.batches(3)).landmarks
    expected = (300 / (landmarks[:, 36] - landmarks[:, 45]).norm(dim=1)).mean()
    assert row.figures[NME] == pytest.approx(float(expected))
    assert list(row.figures) == STANDARD.columns()


def test_only_the_hole_is_taken_from_the_system(faces):
    (row,) = rows_of(faces, black, STANDARD)
    images = truth(faces)
    middle = images[:, :, 64:192, 64:192].float() / 255
    assert row.hole_ratio == pytest.approx(0.25)
    assert row.figures["L1 %"] == pytest.approx(100 * float(middle.sum()) / images.numel(), rel=1e-4)
    assert NME not in row.figures


def test_batch_size_changes_nothing_and_progress_is_told(faces):
    seen: list[int] = []
    first = rows_of(faces, black, QUICK, ["20-40", "eyes"], batch_size=2, progress=seen.append)
    second = rows_of(faces, black, QUICK, ["20-40", "eyes"], batch_size=3)
    assert seen == [2, 1, 2, 1]
    assert [row.holes for row in first] == ["20-40", "eyes"]
    for one, other in zip(first, second, strict=True):
        assert one.figures == pytest.approx(other.figures, rel=1e-5)


def test_the_spread_is_measured_in_the_hole(faces):
    def chance(given: Given) -> Answer:
        greys = torch.tensor([10 + 30 * sample for _, sample, _ in given.noise_seeds], dtype=torch.uint8)
        return Answer(raw=greys[:, None, None, None] * given.hole.expand_as(given.image))

    spreading = replace(QUICK, spread=True)
    (row,) = rows_of(faces, chance, spreading, batch_size=1)
    assert row.figures[SPREAD] == 30
    (still,) = rows_of(faces, black, spreading)
    assert still.figures[SPREAD] == 0
    assert SPREAD not in rows_of(faces, black, QUICK)[0].figures


def test_the_same_seed_makes_the_same_holes(faces):
    ratios = [next(measure({"m": black}, faces, ["20-40"], seed, QUICK)).hole_ratio for seed in (0, 0, 1)]
    assert ratios[0] == ratios[1] != ratios[2]


def test_profiles_measure_differently():
    face = frame_faces(DrawnFaces(1, 64), 256)
    (standard,) = rows_of(face, black, Yardstick(PROFILES["standard"]))
    (lafin,) = rows_of(face, black, Yardstick(PROFILES["lafin"]))
    assert standard.figures["L1 %"] == lafin.figures["L1 %"]
    assert standard.figures["PSNR"] != lafin.figures["PSNR"]
    assert standard.figures["SSIM"] != lafin.figures["SSIM"]


def test_no_system_sees_what_is_in_a_hole(faces):
    seen: list[Given] = []

    def watching(given: Given) -> Answer:
        seen.append(given)
        return black(given)

    rows_of(faces, watching, replace(QUICK, spread=True), ["center", "O3", "20-40"])
    assert len(seen) == 6
    for given in seen:
        assert given.hole.any()
        assert not (given.image * given.hole).any()
        assert given.reference is not None


def test_each_face_has_its_figure_and_the_mean_an_interval(faces):
    (row,) = rows_of(faces, black, QUICK, batch_size=2)
    values = row.values["L1 %"]
    assert len(values) == 3
    assert row.figures["L1 %"] == pytest.approx(sum(values) / 3)
    low, high = row.intervals["L1 %"]
    assert min(values) <= low <= row.figures["L1 %"] <= high <= max(values)


def test_holes_are_known_by_their_hash_whatever_the_method_and_the_batch(faces):
    def hash_of(kind: str, seed: int, system=black, batch_size: int = 3) -> str:
        row = next(measure({"m": system}, faces, [kind], seed, QUICK, batch_size=batch_size))
        return row.holes_sha256

    first = hash_of("20-40", 0)
    assert hash_of("20-40", 0, oracle_of(faces), 2) == first
    assert len({first, hash_of("20-40", 1), hash_of("40-60", 0)}) == 3


def test_inside_the_hole_black_is_as_wrong_as_the_picture_is_bright(faces):
    (row,) = rows_of(faces, black, STANDARD)
    middle = truth(faces)[:, :, 64:192, 64:192].float() / 255
    assert row.figures["hole L1 %"] == pytest.approx(100 * float(middle.mean()), rel=1e-4)
    assert row.figures["hole PSNR"] < row.figures["PSNR"]
    assert row.figures["hole SSIM"] < row.figures["SSIM"]
    assert 0 < row.figures["MS-SSIM"] < 1


def test_metrics_networks_see_a_whole_picture_once(faces):
    asked: list[int] = []

    class Watched(Colours):
        def __call__(self, image):
            asked.append(len(image))
            return super().__call__(image)

    rows_of(faces, black, Yardstick(QUICK.profile, frechet=Watched()), ["center", "O3"], batch_size=3)
    assert asked == [3, 3, 3]  # the truth, then what was completed under each kind of holes


def test_the_feature_distance_asks_for_the_truth_once_for_all_methods(faces):
    asked: list[int] = []

    class Watched(Colours):
        def __call__(self, image):
            asked.append(len(image))
            return super().__call__(image)

    watching = replace(QUICK, distance=FeatureDistance(Watched()))
    list(measure({"one": black, "other": oracle_of(faces)}, faces, ["center"], 0, watching, batch_size=3))
    assert asked == [3, 3, 3]


def test_batches_are_measured_side_by_side_on_a_core_each(faces):
    """Each of two waits for the other; and none keeps what a gradient would need."""
    met = threading.Barrier(2, timeout=60)
    seen: list[tuple[int, bool]] = []

    def meeting(given: Given) -> Answer:
        met.wait()
        seen.append((torch.get_num_threads(), torch.is_grad_enabled()))
        return black(given)

    two = replace(faces, indices=faces.indices[:2])
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        rows_of(two, meeting, QUICK, batch_size=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [(1, False), (1, False)]


def test_the_number_of_cores_changes_nothing(faces):
    before = torch.get_num_threads()
    found = []
    try:
        for cores in (1, 3):
            torch.set_num_threads(cores)
            found.append(rows_of(faces, black, STANDARD, ["20-40", "eyes"], batch_size=1))
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]
