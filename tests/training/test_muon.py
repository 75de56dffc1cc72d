"""Muon, beside torch's own of matrices."""

import copy

import pytest
import torch
from torch import nn

from training.muon import Muon, groups, orthogonal, with_transposed


def stepped(parameter: nn.Parameter, optimizer: torch.optim.Optimizer, steps: int, seed: int = 1) -> torch.Tensor:
    """The parameter after so many updates by gradients from `seed`."""
    dice = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        parameter.grad = torch.randn(parameter.shape, generator=dice)
        optimizer.step()
    return parameter.detach()


@pytest.mark.parametrize("shape", [(20, 50), (50, 20), (8, 8)])
def test_matrices_move_as_by_torchs_own(shape: tuple[int, int]) -> None:
    first = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    ours, theirs = nn.Parameter(first.clone()), nn.Parameter(first.clone())
    mine = stepped(ours, Muon([{"params": [ours], "lr": 0.02, "orthogonal": True}], 1e-3), 5)
    torchs = stepped(theirs, torch.optim.Muon([theirs], lr=0.02, weight_decay=0.0), 5)
    moved = (torchs - first).norm()
    assert (mine - torchs).norm() < 0.05 * moved  # both round to bfloat16, in another order


def test_a_convolution_moves_as_the_matrix_of_its_filters() -> None:
    first = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    filters, matrix = nn.Parameter(first.clone()), nn.Parameter(first.flatten(1).clone())
    dice = torch.Generator().manual_seed(1)
    by_filters = Muon([{"params": [filters], "lr": 0.1, "orthogonal": True}], 1e-3)
    by_matrix = Muon([{"params": [matrix], "lr": 0.1, "orthogonal": True}], 1e-3)
    filters.grad = torch.randn(first.shape, generator=dice)
    matrix.grad = filters.grad.flatten(1).clone()
    by_filters.step()
    by_matrix.step()
    assert torch.equal(filters.detach().flatten(1), matrix.detach())


def test_all_directions_get_about_the_same_length() -> None:
    dice = torch.Generator().manual_seed(0)
    matrix = torch.randn(16, 40, generator=dice) @ torch.randn(40, 40, generator=dice)
    before, after = torch.linalg.svdvals(matrix), torch.linalg.svdvals(orthogonal([matrix])[0].float())
    assert before[0] > 3 * before[-1]
    assert 0.6 < after[-1] <= after[0] < 1.3


def test_matrices_of_one_shape_are_computed_together_and_keep_their_order() -> None:
    dice = torch.Generator().manual_seed(0)
    matrices = [torch.randn(shape, generator=dice) for shape in [(6, 9), (9, 6), (6, 9), (4, 4)]]
    for one, alone in zip(orthogonal(matrices), [orthogonal([matrix])[0] for matrix in matrices], strict=True):
        assert torch.allclose(one.float(), alone.float(), atol=0.02)


def test_a_transposed_convolution_moves_as_the_convolution_that_it_turns_round() -> None:
    first = torch.randn(4, 6, 3, 3, generator=torch.Generator().manual_seed(0))
    back, ahead = nn.Parameter(first.clone()), nn.Parameter(first.transpose(0, 1).contiguous())
    dice = torch.Generator().manual_seed(1)
    back.grad = torch.randn(first.shape, generator=dice)
    ahead.grad = back.grad.transpose(0, 1).contiguous()
    Muon([{"params": [back], "lr": 0.1, "orthogonal": True, "transposed": True}], 1e-3).step()
    Muon([{"params": [ahead], "lr": 0.1, "orthogonal": True}], 1e-3).step()
    assert torch.allclose(back.transpose(0, 1), ahead, atol=1e-6)
    assert not torch.equal(back, first)


def test_transposed_convolutions_go_by_muon_where_they_are_named() -> None:
    network = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ConvTranspose2d(8, 8, 4), nn.ConvTranspose2d(8, 3, 4))
    layers = [layer for layer in network if isinstance(layer, nn.ConvTranspose2d)]
    adam, hidden, transposed = with_transposed(groups(network, 1e-3, 0.02), layers)
    assert [id(p) for p in hidden["params"]] == [id(network[0].weight)]
    assert [id(p) for p in transposed["params"]] == [id(network[1].weight)]
    assert (transposed["lr"], transposed["orthogonal"], transposed["transposed"]) == (0.02, True, True)
    assert len(adam["params"]) == len(list(network.parameters())) - 2


def test_groups_stand_in_the_networks_order_so_that_a_saved_state_finds_its_layer() -> None:
    layers = [nn.ConvTranspose2d(8, 8, 3, padding=count) for count in range(24)]
    network = nn.Sequential(*layers)
    others, _, transposed = with_transposed(groups(network, 1e-3, 0.02), reversed(layers))
    assert [id(one) for one in transposed["params"]] == [id(layer.weight) for layer in layers]
    assert [id(one) for one in others["params"]] == [id(layer.bias) for layer in layers]


def test_only_hidden_layers_go_by_muon() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(8, 8), nn.Linear(8, 3))
    adam, muon = groups(network, 1e-3, 0.02)
    assert [tuple(parameter.shape) for parameter in muon["params"]] == [(8, 8, 3, 3), (8, 8)]
    assert len(adam["params"]) == len(list(network.parameters())) - 2
    assert (adam["lr"], muon["lr"]) == (1e-3, 0.02)


def test_the_others_go_by_adam() -> None:
    ours, theirs = nn.Parameter(torch.ones(4, 4)), nn.Parameter(torch.ones(4, 4))
    mine = stepped(ours, Muon([{"params": [ours]}], 1e-2), 3)
    assert torch.equal(mine, stepped(theirs, torch.optim.Adam([theirs], 1e-2), 3))


def test_a_loaded_state_goes_on_to_the_bit() -> None:
    def made() -> tuple[nn.Parameter, nn.Parameter, Muon]:
        hidden, bias = nn.Parameter(torch.ones(5, 7)), nn.Parameter(torch.zeros(5))
        return hidden, bias, Muon([{"params": [bias]}, {"params": [hidden], "lr": 0.1, "orthogonal": True}], 1e-2)

    def stepped_both(hidden: nn.Parameter, bias: nn.Parameter, optimizer: Muon, seed: int) -> None:
        dice = torch.Generator().manual_seed(seed)
        hidden.grad, bias.grad = torch.randn(5, 7, generator=dice), torch.randn(5, generator=dice)
        optimizer.step()

    hidden, bias, optimizer = made()
    stepped_both(hidden, bias, optimizer, 1)
    again_hidden, again_bias, again = made()
    with torch.no_grad():
        again_hidden.copy_(hidden)
        again_bias.copy_(bias)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for each in ((hidden, bias, optimizer), (again_hidden, again_bias, again)):
        stepped_both(*each, 2)
    assert torch.equal(hidden, again_hidden)
    assert torch.equal(bias, again_bias)
