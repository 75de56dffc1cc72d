"""The objectives of ShowFace, term by term."""

import math
from dataclasses import fields

import pytest
import torch
from torch import Tensor

from tests.fakes.painted import FrozenColours
from training.losses.variation import total_variation
from training.masking import complete
from training.papers.showface.losses import (
    CoarseWeights,
    Weights,
    coarse_losses,
    inco2_losses,
    region_vectors,
    semantic_loss,
    weighted_sum,
)

PIXELS = 16


def pictures() -> tuple[Tensor, Tensor, Tensor]:
    hole = torch.zeros(2, 1, PIXELS, PIXELS)
    hole[..., 4:12, 4:12] = 1
    return torch.rand(2, 3, PIXELS, PIXELS), torch.rand(2, 3, PIXELS, PIXELS), hole


def test_the_coarse_terms_are_those_of_liu_et_al() -> None:
    raw, image, hole = pictures()
    losses = coarse_losses(raw, image, hole, FrozenColours(), CoarseWeights())
    away = (raw - image).abs()
    assert float(losses["hole"]) == pytest.approx(float((away * hole).mean()))
    assert float(losses["valid"]) == pytest.approx(float((away * (1 - hole)).mean()))
    completed = complete(raw, image, hole)
    # Their feature maps are the pictures themselves: of the raw one and of the completed one.
    assert float(losses["perceptual"]) == pytest.approx(float(away.mean() + (completed - image).abs().mean()))
    assert float(losses["variation"]) == pytest.approx(float(total_variation(completed)))
    assert set(losses) == {"valid", "hole", "variation", "perceptual", "style"}


def test_terms_that_need_a_feature_network_are_left_out_without_one_and_style_without_weight() -> None:
    raw, image, hole = pictures()
    assert set(coarse_losses(raw, image, hole, None, CoarseWeights())) == {"valid", "hole", "variation"}
    assert "style" not in coarse_losses(raw, image, hole, FrozenColours(), CoarseWeights(style=0))


def test_the_weights_of_liu_et_al() -> None:
    assert CoarseWeights() == CoarseWeights(hole=6.0, perceptual=0.05, style=120.0, variation=0.1)  # Eq. 8
    losses = {"valid": torch.tensor(1.0), **{field.name: torch.tensor(1.0) for field in fields(CoarseWeights)}}
    assert float(weighted_sum(losses, CoarseWeights())) == pytest.approx(1 + 6 + 0.05 + 120 + 0.1)


def test_every_term_of_equation_15_has_its_weight() -> None:
    names = [field.name for field in fields(Weights)]
    assert names == ["intra", "inter", "semantic", "perceptual", "style", "adversarial", "variation"]
    for name in names:
        alone = Weights(**{one: float(one == name) for one in names})
        losses = {one: torch.tensor(2.0 + place) for place, one in enumerate(names)} | {
            "reconstruction": torch.tensor(100.0)
        }
        assert float(weighted_sum(losses, alone)) == 100 + 2 + names.index(name)


def test_regions_are_taken_inside_the_hole_and_outside() -> None:
    """A class that is wholly in the hole has no vector outside."""
    _, _, hole = pictures()
    features = torch.randn(2, 5, PIXELS // 4, PIXELS // 4)
    parsing = torch.ones(2, PIXELS, PIXELS, dtype=torch.long)
    parsing[:, 4:8, 4:8] = 2
    inside, outside = region_vectors(features, parsing, hole)
    assert torch.allclose(inside[:, 2], features[:, :, 1, 1])
    assert torch.allclose(inside[:, 1], (features[:, :, 1, 2] + features[:, :, 2, 1] + features[:, :, 2, 2]) / 3)
    assert (outside[:, 2] == 0).all()
    ring = torch.ones(4, 4, dtype=torch.bool)
    ring[1:3, 1:3] = False
    assert torch.allclose(outside[:, 1], features[:, :, ring].mean(dim=2), atol=1e-6)


def test_the_inco2_losses_compare_similarity_matrices() -> None:
    _, _, hole = pictures()
    parsing = torch.randint(0, 4, (2, PIXELS, PIXELS))
    one, other = torch.randn(2, 5, 4, 4), torch.randn(2, 5, 4, 4)
    losses = inco2_losses(one, other, parsing, hole)
    (m, m_hat), (true_m, true_m_hat) = (region_vectors(features, parsing, hole) for features in (one, other))
    intra, inter = torch.zeros(2, 14, 14), torch.zeros(2, 14, 14)
    for picture in range(2):
        for a in range(14):
            for b in range(14):
                intra[picture, a, b] = m[picture, a] @ m[picture, b] - true_m[picture, a] @ true_m[picture, b]  # Eq. 6
                inter[picture, a, b] = (
                    m[picture, a] @ m_hat[picture, b] - true_m[picture, a] @ true_m_hat[picture, b]
                )  # Eq. 7
    assert float(losses["intra"]) == pytest.approx(float(intra.abs().mean()), rel=1e-4)
    assert float(losses["inter"]) == pytest.approx(float(inter.abs().mean()), rel=1e-4)
    assert {name: float(value) for name, value in inco2_losses(one, one, parsing, hole).items()} == {
        "intra": 0.0,
        "inter": 0.0,
    }


def test_the_semantic_target_is_a_class_that_learns_nothing() -> None:
    logits, target = torch.zeros(1, 14, 2, 2, requires_grad=True), torch.zeros(1, 14, 2, 2, requires_grad=True)
    with torch.no_grad():
        target[:, 3] = 5
    loss = semantic_loss(logits, target)
    assert float(loss) == pytest.approx(math.log(14))
    loss.backward()
    assert target.grad is None
    assert logits.grad is not None
    assert (logits.grad[:, 3] < 0).all()
