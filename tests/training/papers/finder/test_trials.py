import math

import pytest
import torch
from torch import Tensor

from training.papers.finder.losses import FACE, IGNORED
from training.papers.finder.points import centre_of, size_of
from training.papers.finder.trials import ANYWHERE_PIXELS, CHANCE, MISSES, anywhere, matched, missed, named, trials
from training.papers.finder.verifier import points_at

POINTS = torch.tensor([[40.0, 50], [80, 50], [60, 70], [45, 90], [75, 90]])  # centre (60, 70), size 80
UPRIGHT = [0.0, 1.0]


def labelled(kind: float = FACE) -> Tensor:
    return torch.cat((POINTS.flatten(), torch.tensor([kind])))[None, None]


def test_what_the_maps_name_is_looked_at_from_a_score_on() -> None:
    likely = torch.tensor(
        [[[0.9, 1, 2, 3, 0, 1], [0.01, 4, 5, 6, 0, 1]], [[0.5, 7, 8, 9, 0, 1], [0.05, 1, 1, 1, 0, 1]]]
    )
    owner, place = named(likely)
    assert owner.tolist() == [0, 1, 1]
    assert place[:, 2].tolist() == [3, 9, 1]


def test_misses_lie_around_their_face_and_follow_from_chance() -> None:
    chance = torch.rand(1, CHANCE)
    owner, place = missed(POINTS[None, None], torch.tensor([[FACE]]), chance)
    assert owner.tolist() == [0] * MISSES
    assert torch.equal(place, missed(POINTS[None, None], torch.tensor([[FACE]]), chance)[1])
    away = torch.linalg.vector_norm(place[:, :2] - centre_of(POINTS), dim=-1)
    assert (away < 0.65 * 80).all()
    assert ((place[:, 2] > 80 / math.e) & (place[:, 2] < 80 * math.e)).all()
    middle = missed(POINTS[None, None], torch.tensor([[FACE]]), torch.full((1, CHANCE), 0.5))[1][0]
    assert middle.tolist() == pytest.approx([60, 70, 80, 0, 1], abs=1e-4)
    assert len(missed(POINTS[None, None], torch.tensor([[IGNORED]]), chance)[0]) == 0


def test_anywhere_is_in_the_scene() -> None:
    _, place = anywhere(torch.rand(50, 4), 320)
    assert ((place[:, :2] >= 0) & (place[:, :2] < 320)).all()
    assert ((place[:, 2] >= ANYWHERE_PIXELS[0] - 1e-3) & (place[:, 2] <= ANYWHERE_PIXELS[1] + 1e-3)).all()


@pytest.mark.parametrize(
    ("x", "y", "size", "kind", "face", "taught"),
    [
        (60, 70, 80, FACE, 0, True),
        (90, 70, 80, FACE, 0, True),
        (60, 70, 140, FACE, 0, True),
        (60, 70, 300, FACE, -1, False),  # on the face, and of another size: it says nothing
        (120, 70, 80, FACE, -1, False),  # half on it
        (300, 70, 80, FACE, -1, True),
        (60, 70, 80, IGNORED, -1, False),
        (300, 70, 80, IGNORED, -1, True),
        (60, 70, 80, 0.0, -1, True),  # no label at all
    ],
)
def test_a_place_is_its_face_s_or_nothing_s_or_teaches_nothing(
    x: float, y: float, size: float, kind: float, face: int, taught: bool
) -> None:
    found, counts = matched(torch.tensor([[x, y, size, *UPRIGHT]]), POINTS[None, None], torch.tensor([[kind]]))
    assert (int(found), bool(counts)) == (face, taught)


def test_the_points_taught_are_the_face_s_in_the_place_s_own_frame() -> None:
    turned = [math.sin(0.4), math.cos(0.4)]
    likely = torch.tensor([[[0.9, 50.0, 75, 70, *turned, *[0.0] * 10]]])
    taught = trials(likely, labelled(), torch.rand(1, CHANCE), 320)
    assert taught.is_face[0] == 1
    assert torch.allclose(points_at(taught.shape[:1], taught.places[:1]), POINTS.flatten()[None], atol=1e-3)
    assert float(size_of(POINTS)) == pytest.approx(80)
