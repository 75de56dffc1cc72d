"""Contextual attention pastes what looks alike from the background, face by face."""

from __future__ import annotations

import torch

from training.papers.dsa.contextual import ContextualAttention, fused, paste


def tiled(side: int) -> torch.Tensor:
    """A map [1,4,side,side] whose left half repeats with a period of 4 positions and whose right half is its own."""
    torch.manual_seed(3)
    tile = torch.randn(1, 4, 4, 4)
    return tile.repeat(1, 1, side // 4, side // 4)


def test_a_hole_in_a_pattern_is_filled_with_the_pattern() -> None:
    x = tiled(32)
    hole = torch.zeros(1, 1, 32, 32)
    hole[:, :, 12:20, 12:20] = 1
    pasted = paste(x, hole)
    wrong = ((pasted - x) * hole).square().sum() / (x * hole).square().sum()
    assert wrong < 0.05
    shifted = ((pasted - x.roll(2, dims=3)) * hole).square().sum() / (x * hole).square().sum()
    assert shifted > 1


def test_nothing_is_pasted_from_the_hole() -> None:
    x, hole = torch.randn(1, 4, 32, 32), torch.zeros(1, 1, 32, 32)
    hole[:, :, 8:24, 8:24] = 1
    other = x + 100 * hole * torch.randn_like(x)
    weights = [(pasted.abs().max()) for pasted in (paste(x, hole), paste(other, hole))]
    assert weights[1] < 2 * weights[0]  # values of the hole would be a hundred times larger


def test_the_whole_missing_leaves_nothing_to_paste() -> None:
    pasted = paste(torch.randn(1, 4, 16, 16), torch.ones(1, 1, 16, 16))
    assert pasted.abs().max() == 0


def test_each_face_by_itself_and_only_its_hole_is_touched() -> None:
    module = ContextualAttention(4)
    x, missing = torch.randn(2, 4, 16, 16), torch.zeros(2, 1, 16, 16)
    missing[0, :, 4:10, 4:10], missing[1, :, 0:3, 9:16] = 1, 1
    assert torch.allclose(module(x, missing), x, atol=1e-6)  # alpha is 0
    torch.nn.init.ones_(module.alpha)
    changed = module(x, missing)
    assert ((changed - x) * (1 - missing)).abs().max() < 1e-6
    assert ((changed - x) * missing).abs().max() > 0.1
    for place in (0, 1):
        one = slice(place, place + 1)
        assert torch.allclose(module(x[one], missing[one]), changed[one], atol=1e-6)


def test_neighbours_of_a_pair_speak_for_it() -> None:
    height, width = 4, 5
    scores = torch.zeros(20, 20)
    scores[7, 12] = 1.0  # (1,2) with (2,2)
    found = fused(scores, height, width)
    steps = {(0, 0): 1.0, (0, 1): 1.0, (0, -1): 1.0, (1, 0): 1.0, (-1, 0): 1.0}
    for (down, across), value in steps.items():
        assert found[7 + down * width + across, 12 + down * width + across] == value
    assert found[7, 13] == found[8, 12] == 0
