from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from training.data.drawn import DrawnFaces
from training.framed import frame_faces
from training.papers.reference.measuring import (
    INTENSITIES,
    Sweep,
    correlation,
    correlations,
    difference,
    sweep,
    swept_pictures,
    turned,
)

FACES = frame_faces(DrawnFaces(5, 64), 64)
NAMES = ("light", "ignored")


class Knowing(nn.Module):
    """Its first attribute is the visible part's shade, its second always 0.5."""

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        shade = (image * (1 - hole)).float().mean(dim=(1, 2, 3)) / 255
        return torch.stack((shade, torch.full_like(shade, 0.5)), dim=1)


class Lightening:
    """Paints its first attribute as a shade from 0 to 200; `bend` makes the ends alike."""

    def __init__(self, bend: bool = False) -> None:
        self.bend = bend
        self.encodings = 0

    def encode(self, image: Tensor, hole: Tensor) -> Tensor:
        self.encodings += 1
        return image

    def paint(self, encoded: Tensor, attributes: Tensor) -> Tensor:
        wanted = attributes[:, 0].abs() if self.bend else attributes[:, 0]
        return (100 * (wanted + 1)).view(-1, 1, 1, 1).expand_as(encoded.float()).round().to(torch.uint8)


def shade(image: Tensor) -> Tensor:
    """A judge: the middle's shade, whatever is asked."""
    seen = image[:, :, 24:40, 24:40].mean(dim=(1, 2, 3))
    return torch.stack((seen, torch.zeros_like(seen)), dim=1)


def test_an_attribute_that_is_obeyed_rises_step_by_step() -> None:
    light, ignored = sweep(Knowing(), Lightening(), shade, NAMES, FACES, ["center"], 0)
    assert light.attribute == "light"
    assert light.readings == pytest.approx([0, 50 / 255, 100 / 255, 150 / 255, 200 / 255], abs=0.003)
    assert light.rise == pytest.approx(200 / 255, abs=0.003)
    assert light.smallest_step == pytest.approx(50 / 255, abs=0.003)
    assert light.changes == pytest.approx(200)
    assert (light.obeyed, light.faces_percent) == (True, 100)
    assert (ignored.obeyed, ignored.rise, ignored.changes, ignored.faces_percent) == (False, 0, 0, 0)


def test_one_that_turns_round_does_not_rise() -> None:
    light, _ = sweep(Knowing(), Lightening(bend=True), shade, NAMES, FACES, ["center"], 0)
    assert not light.obeyed
    assert light.smallest_step == pytest.approx(-50 / 255, abs=0.003)
    assert light.rise == pytest.approx(0)


@pytest.mark.parametrize(
    ("readings", "obeyed"),
    [
        ((0.0, 0.02, 0.05, 0.08, 0.1), True),
        ((0.0, 0.02, 0.05, 0.08, 0.09), False),  # not far enough
        ((0.0, 0.4, 0.405, 0.5, 0.8), False),  # hardly a step
        ((0.0, 0.4, 0.3, 0.5, 0.8), False),
        ((0.8, 0.5, 0.3, 0.2, 0.0), False),
    ],
)
def test_obeyed_is_what_rises_step_by_step_and_by_a_margin(readings: tuple[float, ...], obeyed: bool) -> None:
    assert Sweep("one", readings, 100.0, 9.0).obeyed == obeyed


def test_faces_whose_own_reading_rises_are_counted() -> None:
    """Of the mean alone one face could make all of the rise."""

    def of_the_first(image: Tensor) -> Tensor:
        seen = image[:, :, 24:40, 24:40].mean(dim=(1, 2, 3))
        seen[1:] = 0
        return torch.stack((seen, seen), dim=1)

    light, _ = sweep(Knowing(), Lightening(), of_the_first, NAMES, FACES, ["center"], 0)
    assert light.obeyed
    assert light.faces_percent == pytest.approx(40)  # the first of four, and the first of one


def test_every_face_is_encoded_once_for_all_attributes() -> None:
    told: list[int] = []
    generator = Lightening()
    sweep(Knowing(), generator, shade, NAMES, FACES, ["center", "20-40"], 0, told.append)
    assert sum(told) == 10
    assert generator.encodings == len(told) == 4  # batches of four and of one, under two kinds of holes


def test_correlations_pass_over_faces_without_labels() -> None:
    whole = torch.cat([Knowing()(batch.image, batch.under("none", 0).hole) for batch in FACES.batches(2)])
    labels = torch.stack((3 * whole[:, 0] - 1, torch.arange(5.0)), dim=1)
    labels[2, 0] = float("nan")
    found = correlations(Knowing(), FACES, labels, "none", 0)
    assert float(found[0]) == pytest.approx(1)
    assert math.isnan(float(found[1]))  # what is always the same has none
    hidden = correlations(Knowing(), FACES, labels, "center", 0)
    assert float(hidden[0]) < 1


def test_pearsons_correlation() -> None:
    one, other = torch.tensor([1.0, 2, 3, 4]).double(), torch.tensor([2.0, 1, 4, 3]).double()
    assert float(correlation(one, other)) == pytest.approx(0.6)
    assert float(correlation(one, -2 * one)) == pytest.approx(-1)


def test_differences_count_in_the_hole_alone() -> None:
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., :2] = 1
    one, other = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 10.0)
    other[..., 2:] = 99
    assert float(difference(one, other, hole)) == 10
    assert float(difference(one, other, 0 * hole)) == 0


def test_the_sheet_turns_each_attribute_and_keeps_what_is_known() -> None:
    few = frame_faces(DrawnFaces(2, 64), 64)
    sheet = swept_pictures(Knowing(), Lightening(), 2, few, "center", 0)
    assert sheet.shape == (3, 2 * 2 * 64, (1 + len(INTENSITIES)) * 64)
    assert sheet[0, 32, 64 + 32 :: 64].tolist() == [0, 50, 100, 150, 200]
    first = sheet[:, :64, 64:128]
    assert torch.equal(first[:, :16], few.pair(0)[0][:, :16])


def test_only_one_attribute_is_turned() -> None:
    before = torch.zeros(2, 3)
    assert turned(before, 1, 0.5).tolist() == [[0, 0.5, 0], [0, 0.5, 0]]
    assert float(before.abs().max()) == 0
