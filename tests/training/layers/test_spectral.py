import copy

import torch

from training.layers.residual import PreactivatedResidualBlock
from training.layers.spectral import folded_state


def test_folded_weights_compute_the_same_without_the_norm() -> None:
    torch.manual_seed(0)
    normed = PreactivatedResidualBlock(6, 4, spectral=True)
    for _ in range(3):
        normed(torch.randn(1, 6, 8, 8))  # power iterations in training mode
    normed.eval()
    plain = PreactivatedResidualBlock(6, 4, spectral=False)
    plain.load_state_dict(folded_state(copy.deepcopy(normed)))
    x = torch.randn(2, 6, 8, 8)
    assert torch.equal(plain(x), normed(x))


def test_folding_leaves_the_network_as_it_was() -> None:
    block = PreactivatedResidualBlock(6, 4, spectral=True)
    keys = list(block.state_dict())
    folded_state(block)
    assert list(block.state_dict()) == keys
