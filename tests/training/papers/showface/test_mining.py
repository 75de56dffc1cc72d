"""Masked correlation mining (Figure 3) against loops over patches."""

import math

import torch

from training.papers.showface.mining import MaskedCorrelation, Unmined


def test_every_patch_reads_all_patches_by_similarity_inside_the_hole_alone() -> None:
    module, fused = MaskedCorrelation(3).requires_grad_(False), torch.randn(1, 3, 4, 6)
    hole = torch.zeros(1, 1, 4, 6)
    hole[..., 0:3, 1:4] = 1
    query, key, value = (branch(fused)[0] for branch in (module.query, module.key, module.value))
    corners = [(y, x) for y in (0, 2) for x in (0, 2, 4)]

    def patch(maps: torch.Tensor, corner: tuple[int, int]) -> torch.Tensor:
        y, x = corner
        return maps[:, y : y + 2, x : x + 2]

    mined = torch.zeros(3, 4, 6)
    for mine in corners:
        energies = torch.stack([(patch(query, mine) * patch(key, other)).sum() for other in corners])
        weights = (energies / math.sqrt(12)).softmax(dim=0)
        read = sum(weight * patch(value, other) for weight, other in zip(weights, corners, strict=True))
        mined[:, mine[0] : mine[0] + 2, mine[1] : mine[1] + 2] = read
    assert torch.allclose(module(fused, hole)[0], fused[0] + hole[0] * mined, atol=1e-5)


def test_outside_the_hole_nothing_changes() -> None:
    fused = torch.randn(2, 4, 8, 8)
    assert torch.equal(MaskedCorrelation(4)(fused, torch.zeros(2, 1, 8, 8)), fused)
    assert torch.equal(Unmined()(fused, torch.ones(2, 1, 8, 8)), fused)


def test_sharp_similarities_leave_no_denormal_numbers() -> None:
    module, fused = MaskedCorrelation(4), 60 * torch.randn(1, 4, 16, 16)
    fused.requires_grad_()
    found = module(fused, torch.ones(1, 1, 16, 16))
    found.sum().backward()
    for tensor in (found, fused.grad, module.query.weight.grad):
        assert tensor is not None
        assert tensor.isfinite().all()
        assert not ((tensor != 0) & (tensor.abs() < 1.2e-38)).any()
