import copy

import pytest
import torch

from training.layers.residual import PreactivatedResidualBlock
from training.layers.spectral import folded_state, load_folded_state


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


def test_a_network_goes_on_from_its_folded_weights() -> None:
    torch.manual_seed(0)
    first, second = (PreactivatedResidualBlock(6, 4, spectral=True) for _ in range(2))
    for _ in range(200):
        first(torch.randn(1, 6, 8, 8))
    state = folded_state(first)
    load_folded_state(second, state)
    x = torch.randn(2, 6, 8, 8)
    assert torch.allclose(second.eval()(x), first.eval()(x), atol=1e-4)


def test_a_network_without_the_norm_loads_plainly() -> None:
    first, second = (torch.nn.Conv2d(3, 2, 1) for _ in range(2))
    load_folded_state(second, folded_state(first))
    assert torch.equal(first.weight, second.weight)


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta")
def test_folded_weights_come_to_a_network_on_another_device() -> None:
    state = folded_state(PreactivatedResidualBlock(6, 4, spectral=True))
    elsewhere = PreactivatedResidualBlock(6, 4, spectral=True).to("meta")
    load_folded_state(elsewhere, state)
    assert {one.device.type for one in elsewhere.parameters()} == {"meta"}


def test_folded_weights_of_another_network_are_refused() -> None:
    with pytest.raises(RuntimeError, match="missing or unexpected keys"):
        load_folded_state(PreactivatedResidualBlock(6, 4, spectral=True), {"elsewhere": torch.zeros(1)})
