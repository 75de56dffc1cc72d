"""Shapes, what each network may see, and that scripts equal eager."""

import pytest
import torch
from torch import Tensor

from training.papers.showface.networks import (
    FULL,
    WITHOUT_BOTH,
    WITHOUT_MINING,
    Coarse,
    Discriminator,
    GuidedRefinement,
    Reconstruction,
    Refiner,
    StyleEncoder,
)
from training.papers.showface.regions import CLASSES, broadcast, pool_regions, regions_of, shrink_hole, shrink_parsing

KINDS = (FULL, WITHOUT_MINING, WITHOUT_BOTH)


def frame(pixels: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    """Faces, holes and parsing maps."""
    hole = torch.zeros(2, 1, pixels, pixels)
    hole[:, :, pixels // 4 : pixels // 2, pixels // 8 : -pixels // 8] = 1
    return torch.rand(2, 3, pixels, pixels), hole, torch.randint(0, 5, (2, pixels, pixels))


def small(kind: str = FULL, *, disentangled: bool = True) -> Refiner:
    """A refiner whose last layer paints, and whose memory holds something."""
    refiner = Refiner(2, 4, 4, 1, slots=4, kind=kind, disentangled=disentangled)
    torch.nn.init.normal_(refiner.refinement.last.weight, std=0.1)
    face, hole, parsing = frame()
    refiner.memory.write(*refiner.vectors(face, hole, parsing))
    return refiner.eval()


@torch.no_grad()
def test_the_coarse_network_never_sees_what_the_hole_holds() -> None:
    coarse, (image, hole, _) = Coarse(4, 4), frame(64)
    raw = coarse(image, hole)
    assert raw.shape == image.shape
    assert torch.equal(raw, coarse(image * (1 - hole) + 9 * hole, hole))
    assert not torch.equal(raw, coarse(image.flip(0), hole))


@torch.no_grad()
def test_the_coarse_network_paints_all_of_any_hole() -> None:
    image = torch.rand(1, 3, 64, 64)
    for hole in (torch.ones(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)):
        assert Coarse(4, 4)(image, hole).isfinite().all()


@torch.no_grad()
def test_the_coarse_networks_norms_keep_the_means_of_channels() -> None:
    """A face's light travels in them; the picture as a whole gets mean 0 and variance 1. Snapshots hold no norm."""
    coarse = Coarse(4, 4)
    x = torch.rand(2, 8, 16, 16) + torch.arange(8).view(1, -1, 1, 1)
    for norm in (coarse.down_norms[1], coarse.up_norms[1]):
        normed = norm(x)
        assert torch.allclose(normed.mean(dim=(1, 2, 3)), torch.zeros(2), atol=1e-5)
        assert torch.allclose(normed.var(dim=(1, 2, 3), correction=0), torch.ones(2), atol=1e-4)
        assert (normed.mean(dim=(2, 3)).diff(dim=1) > 0.1).all()
    assert [type(norms[place]) for norms in (coarse.down_norms, coarse.up_norms) for place in (0, -1)].count(
        torch.nn.Identity
    ) == 3  # the outermost two, and the innermost
    assert not any("norm" in key for key in coarse.state_dict())


def test_the_published_widths() -> None:
    """Liu et al. 2018, table 2, with one level less, for 256 px are half of their 512."""
    with torch.device("meta"):
        coarse, refiner = Coarse(), Refiner()
    assert [layer.convolution.out_channels for layer in coarse.down] == [64, 128, 256, 512, 512, 512, 512]
    assert [layer.size for layer in coarse.down] == [7, 5, 5, 3, 3, 3, 3]
    assert [layer.convolution.out_channels for layer in coarse.up] == [512, 512, 512, 256, 128, 64, 3]
    assert refiner.memory.bank.shape == (14, 128, 256)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_the_refiner_begins_with_the_coarse_face(kind: str) -> None:
    face, hole, parsing = frame()
    assert torch.equal(Refiner(2, 4, 4, 1, slots=4, kind=kind)(face, hole, parsing), face)
    assert not torch.equal(small(kind)(face, hole, parsing), face)


@torch.no_grad()
def test_the_guide_is_v_outside_and_the_memorys_answer_inside() -> None:
    """Section 3.3: both are laid over S and joined by the hole, before anything is mined."""
    refiner, (face, hole, parsing) = small(WITHOUT_MINING), frame()
    features, regions, missing = refiner.style(face), regions_of(shrink_parsing(parsing)), shrink_hole(hole)
    known = broadcast(pool_regions(features, regions * (1 - missing)), regions)
    recalled = broadcast(refiner.memory.read(pool_regions(features, regions)), regions)
    guide = refiner.guide(face, hole, parsing)
    assert torch.allclose(guide, known * (1 - missing) + recalled * missing, atol=1e-6)
    full = small()
    full.load_state_dict(refiner.state_dict(), strict=False)
    assert torch.allclose(full.guide(face, hole, parsing), full.mining(guide, missing), atol=1e-6)


@torch.no_grad()
def test_without_both_the_style_features_guide() -> None:
    refiner, given = small(WITHOUT_BOTH), frame()
    assert torch.equal(refiner.guide(*given), refiner.style(given[0]))


@torch.no_grad()
def test_what_is_written_comes_from_valid_cells_alone() -> None:
    refiner, (face, hole, parsing) = small(), frame()
    parsing[:, :, :] = 1
    parsing[:, 8:16, 8:24] = 3  # wholly in the hole
    queries, values, there = refiner.vectors(face, hole, parsing)
    assert there[0].nonzero().flatten().tolist() == [1]
    assert (values[:, 3] == 0).all()
    assert (queries[:, 3] != 0).any()
    assert queries.shape == values.shape == (2, CLASSES, 4)
    assert not values.requires_grad


def test_asking_writes_nothing() -> None:
    refiner, given = small().train(), frame()
    before = {key: tensor.clone() for key, tensor in refiner.memory.state_dict().items()}
    refiner(*given).sum().backward()
    assert all(torch.equal(before[key], tensor) for key, tensor in refiner.memory.state_dict().items())


def test_every_weight_of_the_refiner_learns() -> None:
    refiner = small().train()
    refiner(*frame()).square().mean().backward()
    still = [name for name, weight in refiner.named_parameters() if weight.grad is None or not weight.grad.any()]
    # A softmax does not change when all energies of a query move alike, nor do norms with a constant.
    assert {name for name in still if not name.endswith("bias")} == set()


@pytest.mark.parametrize(
    ("network", "given"),
    [
        (Coarse(4, 4), lambda: frame(64)[:2]),
        *((small(kind), frame) for kind in KINDS),
        (small(disentangled=False), frame),
        (StyleEncoder(2, 4), lambda: frame()[:1]),
        (GuidedRefinement(2, 4, 4, 1), lambda: (*frame()[:2], torch.rand(2, 4, 8, 8))),
    ],
)
@torch.no_grad()
def test_a_script_equals_eager(network: torch.nn.Module, given) -> None:
    network.eval()
    script, inputs = torch.jit.freeze(torch.jit.script(network)), given()
    assert torch.allclose(script(*inputs), network(*inputs), atol=1e-5)


def test_the_judge_sees_patches_of_70_pixels() -> None:
    discriminator, image = Discriminator(2), torch.rand(1, 3, 128, 128, requires_grad=True)
    logits = discriminator(image)
    assert logits.shape == (1, 1, 14, 14)
    for module in list(discriminator.layers):
        if type(module).__name__ == "InstanceNorm":
            module.forward = lambda x: x  # type: ignore[method-assign]  # which sees the whole picture
    discriminator(image)[..., 7, 7].sum().backward()
    rows = image.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == 70


def test_the_network_of_the_inco2_loss_gives_its_middle_layer() -> None:
    network, image = Reconstruction(2), torch.rand(1, 3, 32, 32)
    assert network.encode(image).shape == (1, 8, 8, 8)
    assert network(image).shape == image.shape
