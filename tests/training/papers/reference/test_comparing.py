from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from training.data.drawn import DrawnFaces
from training.framed import FramedBatch, frame_faces
from training.papers.reference.comparing import (
    PARTS,
    apart,
    compared_pictures,
    hidden,
    most_unlike,
    next_two,
    read_all,
    shape_difference,
)

FACES = frame_faces(DrawnFaces(5, 64), 64)
PLACES = torch.arange(5.0)[:, None]  # of each face as a reference


class Stripes:
    """Paints stripes as dark as its attribute says, over a shade of as much."""

    def encode(self, image: Tensor, hole: Tensor) -> Tensor:
        return image

    def paint(self, encoded: Tensor, attributes: Tensor) -> Tensor:
        striped = torch.arange(64) % 2 * 20.0 + 3
        return (attributes.view(-1, 1, 1, 1) * striped).expand(-1, 3, 64, 64).round().to(torch.uint8)


class Brightness(nn.Module):
    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        return (image.float() * (1 - hole)).mean(dim=(1, 2, 3), keepdim=True)[:, :, 0, 0]


def test_every_face_is_read_whole() -> None:
    whole = torch.stack([FACES.pair(place)[0].float().mean() for place in range(5)])
    assert torch.allclose(read_all(Brightness(), FACES)[:, 0], whole)


def test_any_two_references_are_other_faces_than_the_one_that_is_completed() -> None:
    assert [next_two(place, 4) for place in range(4)] == [(1, 2), (2, 3), (3, 0), (0, 1)]


def test_the_most_unlike_references() -> None:
    assert set(most_unlike(torch.tensor([[0.0, 0], [1, 1], [-1, 0.9], [0.9, -1]]))) == {2, 3}


def test_pictures_of_two_references_differ_by_what_each_asks_for() -> None:
    found = apart(Stripes(), PLACES, FACES, "O6", 0, lambda place: (1, 4), "two")
    assert (found.references, found.holes) == ("two", "O6")
    assert found.hole == pytest.approx(3 * 13, abs=3)  # three times the stripes' mean
    assert found.mouth == pytest.approx(3 * 10, abs=2)  # and of their depth, whatever the shade
    assert math.isnan(found.eyes)
    assert found.visible_percent == 100
    alike = apart(Stripes(), PLACES, FACES, "O6", 0, lambda place: (2, 2), "one")
    assert (alike.hole, alike.mouth, alike.visible_percent) == (0, 0, 0)


def test_faces_are_counted_one_by_one() -> None:
    found = apart(Stripes(), PLACES, FACES, "O6", 0, lambda place: (1, 1 + place % 2), "two")
    assert found.visible_percent == pytest.approx(40)  # faces 1 and 3 of five


def test_where_neither_eyes_nor_mouth_is_hidden_nothing_is_said_of_them() -> None:
    found = apart(Stripes(), PLACES, FACES, "none", 0, lambda place: (1, 4), "two")
    assert found.hole == 0
    assert all(math.isnan(value) for value in (found.eyes, found.mouth, found.visible_percent))


def batch() -> FramedBatch:
    return next(FACES.batches(1))


def test_a_part_counts_where_most_of_it_is_hidden() -> None:
    hole = torch.ones(1, 1, 64, 64, dtype=torch.uint8)
    whole = {name: hidden(batch(), boxes, hole) for name, boxes in PARTS.items()}
    for name, boxes in PARTS.items():
        for first, last in boxes:
            x, y = batch().landmarks[0, first:last].mean(dim=0).round().int().tolist()
            assert whole[name][0, 0, y, x] == 1
    assert int((whole["eyes"] * whole["mouth"]).sum()) == 0
    x = int(batch().landmarks[0, 48:68, 0].mean())
    left, most = hole.clone(), hole.clone()
    left[..., x - 3 :] = 0
    most[..., x + 3 :] = 0
    assert int(hidden(batch(), PARTS["mouth"], left).sum()) == 0
    assert 0 < int(hidden(batch(), PARTS["mouth"], most).sum()) < int(whole["mouth"].sum())


def test_a_common_shift_is_no_other_shape() -> None:
    one, where = torch.rand(1, 3, 8, 8) * 100, torch.zeros(1, 1, 8, 8)
    where[..., :4] = 1
    other = one + torch.tensor([9.0, -30, 2]).view(1, 3, 1, 1)
    assert float(shape_difference(one, other, where)) == pytest.approx(0, abs=1e-4)
    other[..., 4:] = 0  # not inside
    assert float(shape_difference(one, other, where)) == pytest.approx(0, abs=1e-4)
    other[..., :2] += 10
    assert float(shape_difference(one, other, where)) == pytest.approx(5, abs=1e-4)


def test_the_sheet_shows_the_references_beside_what_they_make_and_keeps_what_is_known() -> None:
    sheet = compared_pictures(Stripes(), PLACES, FACES, "O6", 0, lambda place: (1, 4), 2)
    assert sheet.shape == (3, 2 * 64, 5 * 64)
    masked, first, one, second, other = sheet[:, :64].split(64, dim=2)
    assert torch.equal(first, FACES.pair(1)[0])
    assert torch.equal(second, FACES.pair(4)[0])
    known = batch().under("O6", 0).hole[0, 0] == 0
    for picture in (masked, one, other):
        assert torch.equal(picture[:, known], FACES.pair(0)[0][:, known])
    assert int(masked[:, ~known].max()) == 0
    assert not torch.equal(one, other)
