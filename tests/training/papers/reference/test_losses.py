import pytest
import torch

from tests.fakes.painted import FrozenColours
from training.losses.distances import mean_distance
from training.losses.structure import multi_scale_similarity
from training.losses.style import gram
from training.masking import complete
from training.papers.reference.losses import Weights, attribute_loss, inpainting_losses, weighted_sum

IMAGE, RECON = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
HOLE = (torch.rand(2, 1, 8, 8) > 0.6).float().repeat_interleave(8, 2).repeat_interleave(8, 3)
PAPER = Weights()


def test_the_papers_lambdas() -> None:
    """Section 4.1, below Eq. 12."""
    given = (PAPER.adversarial, PAPER.structure, PAPER.style, PAPER.perceptual, PAPER.hole)
    assert given == (0.1, 3.0, 120.0, 0.01, 6.0)
    assert PAPER.valid == PAPER.attributes == 1.0


def test_hole_and_valid_losses_see_the_raw_picture_on_their_own_side() -> None:
    losses = inpainting_losses(RECON, IMAGE, HOLE, None, PAPER)
    differences = (RECON - IMAGE).abs()
    assert float(losses["hole"]) == pytest.approx(float((differences * HOLE).mean()))
    assert float(losses["valid"]) == pytest.approx(float((differences * (1 - HOLE)).mean()))
    assert set(losses) == {"hole", "valid", "structure"}


def test_the_others_see_the_completed_picture() -> None:
    completed = complete(RECON, IMAGE, HOLE)
    losses = inpainting_losses(RECON, IMAGE, HOLE, FrozenColours(), PAPER)
    root = (completed - IMAGE).flatten(1).square().mean(dim=1).sqrt().mean()
    assert float(losses["perceptual"]) == pytest.approx(float(root), rel=1e-5)
    grams = (gram(completed) - gram(IMAGE)).flatten(1).square().mean(dim=1).sqrt().mean()
    assert float(losses["style"]) == pytest.approx(float(grams), rel=1e-4)
    similar = 1 - multi_scale_similarity(completed, IMAGE).mean()
    assert float(losses["structure"]) == pytest.approx(float(similar), rel=1e-5)


@pytest.mark.parametrize("name", ["structure", "style", "perceptual"])
def test_a_loss_without_weight_is_not_computed(name: str) -> None:
    losses = inpainting_losses(RECON, IMAGE, HOLE, FrozenColours(), Weights(**{name: 0.0}))
    assert set(losses) == {"hole", "valid", "structure", "style", "perceptual"} - {name}


def test_distances_are_means_over_the_layers() -> None:
    fake = {"one": torch.full((1, 2, 4, 4), 3.0), "two": torch.zeros(1, 1, 2, 2)}
    real = {"one": torch.full((1, 2, 4, 4), 1.0), "two": torch.full((1, 1, 2, 2), -1.0)}
    assert float(mean_distance(fake, real)) == pytest.approx(1.5)


def test_equal_pictures_cost_nothing_and_have_a_finite_gradient() -> None:
    recon = IMAGE.clone().requires_grad_()
    losses = inpainting_losses(recon, IMAGE, HOLE, FrozenColours(), PAPER)
    assert float(weighted_sum(losses, PAPER).detach()) == pytest.approx(0, abs=1e-3)
    weighted_sum(losses, PAPER).backward()
    assert recon.grad is not None
    assert bool(recon.grad.isfinite().all())


def test_the_attribute_loss_passes_over_what_is_not_known() -> None:
    found = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    wanted = torch.tensor([[0.0, float("nan")], [float("nan"), float("nan")]])
    assert float(attribute_loss(found, wanted)) == pytest.approx(0.25)
    assert float(attribute_loss(found, torch.zeros(2, 2))) == pytest.approx(1.5 / 4)


def test_eq_12_weighs_each_term() -> None:
    losses = {"hole": torch.tensor(1.0), "adversarial": torch.tensor(2.0), "attributes": torch.tensor(3.0)}
    assert float(weighted_sum(losses, PAPER)) == pytest.approx(6 + 0.2 + 3)
