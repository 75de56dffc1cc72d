"""Measuring: figures of systems whose answers are known."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from training.data.drawn import DrawnFaces
from training.measuring import BASELINES, NME, SPREAD, Row, Yardstick, measure, prepare, telea
from training.metrics.perception import FeatureDistance
from training.metrics.pixels import l1_percent
from training.metrics.profiles import PROFILES, Profile
from training.systems import Answer


class Colours:
    """A feature network whose one map is the picture itself."""

    network = "colours"
    layers = ("rgb",)

    def __call__(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"rgb": image}


@pytest.fixture(scope="module")
def faces():
    return prepare(DrawnFaces(3, 64, seed=2))


def rows_of(faces, system, yardstick, kinds=("center",), **options) -> list[Row]:
    return list(measure({"method": system}, faces, kinds, 0, yardstick, **options))


def oracle(image, hole, landmarks) -> Answer:
    """The picture itself, and landmarks 3 px to the right."""
    return Answer(image, landmarks + torch.tensor([3.0, 0.0]))


def black(image, hole, landmarks) -> Answer:
    return Answer(torch.zeros_like(image), None)


STANDARD = Yardstick(PROFILES["standard"], FeatureDistance(Colours()), Colours())
QUICK = Yardstick(Profile("quick", "L1", {"L1 %": l1_percent}), FeatureDistance(Colours()))


def test_faces_are_brought_to_the_face_frame(faces):
    assert faces.images.shape == (3, 3, 256, 256)
    drawn = DrawnFaces(3, 64, seed=2)
    assert np.allclose(faces.landmarks[1].numpy(), (drawn.landmarks(1) + 0.5) * 4 - 0.5, atol=1e-3)
    assert len(prepare(drawn, 2).images) == 2


def test_a_perfect_system_has_perfect_figures(faces):
    (row,) = rows_of(faces, oracle, STANDARD)
    assert math.isinf(row.figures["PSNR"])
    assert row.figures["SSIM"] == pytest.approx(1)
    assert row.figures["L1 %"] == 0
    assert row.figures["feature distance (colours)"] == 0
    assert row.figures["Frechet distance (colours)"] == pytest.approx(0, abs=1e-9)
    expected = (300 / (faces.landmarks[:, 36] - faces.landmarks[:, 45]).norm(dim=1)).mean()
    assert row.figures[NME] == pytest.approx(float(expected))
    assert list(row.figures) == STANDARD.columns()


def test_only_the_hole_is_taken_from_the_system(faces):
    (row,) = rows_of(faces, black, STANDARD)
    middle = faces.images[:, :, 64:192, 64:192].float() / 255
    assert row.hole_ratio == pytest.approx(0.25)
    assert row.figures["L1 %"] == pytest.approx(100 * float(middle.sum()) / faces.images.numel(), rel=1e-4)
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
    greys = iter((10, 40, 10, 40, 10, 40))

    def chance(image, hole, landmarks) -> Answer:
        return Answer(torch.full_like(image, next(greys)) * hole, None)

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
    face = prepare(DrawnFaces(1, 64))
    (standard,) = rows_of(face, black, Yardstick(PROFILES["standard"]))
    (lafin,) = rows_of(face, black, Yardstick(PROFILES["lafin"]))
    assert standard.figures["L1 %"] == lafin.figures["L1 %"]
    assert standard.figures["PSNR"] != lafin.figures["PSNR"]
    assert standard.figures["SSIM"] != lafin.figures["SSIM"]


def test_telea_is_opencvs_and_leaves_known_pixels(faces):
    hole = torch.zeros(3, 1, 256, 256, dtype=torch.uint8)
    hole[:, :, 100:140, 100:150] = 1
    answer = telea(faces.images, hole, faces.landmarks)
    expected = cv2.inpaint(
        faces.images[1].permute(1, 2, 0).numpy().copy(), hole[1, 0].numpy() * 255, 3, cv2.INPAINT_TELEA
    )
    assert torch.equal(answer.raw[1], torch.from_numpy(expected).permute(2, 0, 1))
    assert torch.equal(answer.raw * (1 - hole), faces.images * (1 - hole))
    assert answer.landmarks is None
    assert BASELINES["telea"] is telea
