"""Eq. 5 to 7 against their letters."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.fakes.painted import FrozenColours
from tests.training.papers.dsa.reference import plain_divergence, plain_maps
from training.data.drawn import DrawnFaces
from training.data.stream import Batch
from training.papers.dsa.attention import DualSpatialAttention, Maps
from training.papers.dsa.crops import ORGANS
from training.papers.dsa.losses import (
    Weights,
    organ_weight,
    perceptual_loss,
    reconstruction_loss,
    supervision_loss,
    weighted_sum,
)


def maps(module: DualSpatialAttention, x: Tensor, missing: Tensor) -> Maps:
    return Maps(*module.attended(x, missing)[1:])


HOLES = {
    "of different sizes": ((2, 6, 1, 7), (0, 1, 0, 1), (3, 8, 0, 4)),
    "one without": ((2, 6, 1, 7), (0, 0, 0, 0)),
    "one all over": ((0, 8, 0, 8), (1, 3, 2, 6)),
    "one without and one all over": ((0, 0, 0, 0), (0, 8, 0, 8)),
    "all of them all over": ((0, 8, 0, 8), (0, 8, 0, 8)),
    "nothing anywhere": ((0, 0, 0, 0), (0, 0, 0, 0)),
}


@pytest.mark.parametrize("holes", HOLES)
def test_supervision_is_eq_5_face_by_face(holes: str) -> None:
    module, missing = DualSpatialAttention(8), torch.zeros(len(HOLES[holes]), 1, 8, 8)
    for place, (top, bottom, left, right) in enumerate(HOLES[holes]):
        missing[place, :, top:bottom, left:right] = 1
    x, truth = torch.randn(len(missing), 8, 8, 8), torch.randn(len(missing), 8, 8, 8)
    found = supervision_loss(maps(module, truth, missing), maps(module, x, missing))
    expected = plain_divergence(plain_maps(module, truth, missing), plain_maps(module, x, missing))
    assert torch.allclose(found, expected, rtol=1e-4)
    assert (found > 0) == missing.any()
    gradients = torch.autograd.grad(found, list(module.parameters()), allow_unused=True, materialize_grads=True)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_the_first_sum_is_divided_by_n_n_prime_and_the_second_by_n_n() -> None:
    """Of one face with N = 2 and N' = 3: E_gt uniform, E certain to e of one column."""
    there, known = torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 3, dtype=torch.bool)
    even = Maps(torch.zeros(1, 2, 3), torch.zeros(1, 2, 2), there, known)
    leaning = Maps(torch.tensor([[[1.0, 0, 0]] * 2]), torch.tensor([[[1.0, 0]] * 2]), there, known)

    def row(columns: int) -> Tensor:
        found = torch.log_softmax(torch.tensor([1.0] + [0.0] * (columns - 1)), dim=0)
        return (1 / columns * (torch.log(torch.tensor(1 / columns)) - found)).sum()

    expected = 2 * row(3) / (2 * 3) + 2 * row(2) / (2 * 2)
    assert torch.allclose(supervision_loss(even, leaning), expected, atol=1e-6)
    other_way = supervision_loss(leaning, even)
    assert not torch.allclose(other_way, expected, atol=1e-3)  # E_gt ln(E_gt / E), and not the reverse


def test_equal_maps_cost_nothing_and_the_oracle_learns_nothing() -> None:
    module, missing = DualSpatialAttention(8), torch.zeros(2, 1, 8, 8)
    missing[:, :, 2:5, 2:5] = 1
    x, truth = (torch.randn(2, 8, 8, 8, requires_grad=True) for _ in range(2))
    assert supervision_loss(maps(module, x, missing), maps(module, x, missing)).abs() < 1e-7
    loss = supervision_loss(maps(module, truth, missing), maps(module, x, missing))
    gradients = torch.autograd.grad(loss, (x, truth), allow_unused=True)
    assert gradients[0].abs().max() > 0
    assert gradients[1] is None


def test_very_unequal_maps_stay_finite() -> None:
    there, known = torch.ones(1, 2, dtype=torch.bool), torch.ones(1, 3, dtype=torch.bool)
    sharp = [
        Maps(torch.tensor([[row] * 2]), torch.zeros(1, 2, 2), there, known) for row in ([0.0, 900, 0], [900.0, 0, 0])
    ]
    energy = sharp[1].cross.requires_grad_(True)
    loss = supervision_loss(sharp[0], sharp[1])
    (gradient,) = torch.autograd.grad(loss, energy)
    assert torch.isfinite(loss)
    assert torch.isfinite(gradient).all()


def test_the_map_of_eq_6_is_1_2_3_on_a_drawn_face() -> None:
    faces, side = DrawnFaces(1, 256), 256
    landmarks = torch.from_numpy(faces.landmarks(0))[None]
    hole = torch.zeros(1, 1, side, side)
    hole[:, :, 150:250, 0:120] = 1  # over half of the mouth
    weight = organ_weight(hole, landmarks)[0, 0]
    x, y = (int(value) for value in landmarks[0, 48:68].mean(dim=0))
    height, width = ORGANS["mouth"][1:]
    assert weight[5, 5] == 1  # outside of all
    assert weight[240, 10] == 2  # in the hole
    assert weight[y, x + width // 2 - 6] == 2  # in the mouth's box
    assert weight[y, x - width // 2 + 6] == 3  # in both
    assert weight[y + height // 2 + 8, x + width // 2 - 6] == 1  # below it
    eye = landmarks[0, 36:42].mean(dim=0).long()
    assert weight[eye[1], eye[0]] == 2
    assert set(weight.unique().tolist()) >= {1.0, 2.0, 3.0}


def test_boxes_that_overlap_add_up() -> None:
    """All four parts in one place, the frame's middle: 1 and one for each box, and one more in the hole."""
    landmarks, hole = torch.full((1, 68, 2), 128.0), torch.zeros(1, 1, 256, 256)
    hole[:, :, 128:] = 1
    weight = organ_weight(hole, landmarks)[0, 0]
    assert weight[127, 128] == 5
    assert weight[128, 128] == 6
    assert weight[128, 128 + 36] == 3  # the mouth's box alone is that wide


def test_reconstruction_is_the_weighted_mean_difference(batch: Batch) -> None:
    raw = torch.rand_like(batch.image)
    weight = organ_weight(batch.hole, batch.landmarks)
    expected = sum(float((w * (r - i).abs()).mean()) for w, r, i in zip(weight, raw, batch.image, strict=True)) / 2
    assert float(reconstruction_loss(raw, batch.image, batch.hole, batch.landmarks)) == pytest.approx(
        expected, rel=1e-5
    )


def test_perceptual_compares_the_raw_and_the_completed_picture(batch: Batch) -> None:
    raw, features = torch.rand_like(batch.image), FrozenColours()
    apart = (raw - batch.image).abs()
    expected = apart.mean() + (apart * batch.hole).mean()
    assert torch.allclose(perceptual_loss(raw, batch.image, batch.hole, features), expected, atol=1e-6)


def test_weights_are_those_below_eq_10() -> None:
    assert Weights() == Weights(reconstruction=10, supervision=2, perceptual=1, adversarial=1, penalty=10)
    terms = {name: torch.tensor(1.0) for name in ("reconstruction", "supervision", "perceptual", "adversarial")}
    assert weighted_sum(terms, Weights()) == 14
    assert weighted_sum({"reconstruction": torch.tensor(2.0)}, Weights()) == 20
