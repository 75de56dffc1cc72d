"""Batch norms of several processes, against torch's of one process, in double precision."""

import copy
import socket
from pathlib import Path

import pytest
import torch
import torch.distributed as distributed
import torch.multiprocessing
from torch import Tensor, nn

from training.layers.norms import SharedBatchNorm, share_batch_norms

TOLERANCE = 1e-12


def network() -> nn.Sequential:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(4)
    nn.init.normal_(norm.weight)
    return nn.Sequential(nn.Conv2d(3, 4, 1), norm, nn.ReLU(), nn.Conv2d(4, 2, 1)).double()


def pictures(count: int) -> Tensor:
    return torch.randn(count, 3, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 3


def loss_of(layers: nn.Module, shown: Tensor) -> Tensor:
    """A mean over pictures."""
    return layers(shown).square().sum(dim=1).mean()


Case = tuple[tuple[float, ...], tuple[tuple[int, ...], ...], int]  # what each process counts, its pictures; how many
CASES: dict[str, Case] = {
    "unequal shares": ((0.6, 0.4), ((0, 2, 4), (1, 3)), 5),
    "a process that only repeats": ((1.0, 0.0), ((0, 1), (0,)), 2),
}
PROCESSES = 2


def one_process(rank: int, port: int, output: Path) -> None:
    """What one process does in each of the cases, one after the other."""
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=PROCESSES)
    for name, (weights, places, _) in CASES.items():
        share(rank, weights, places, output / f"{name}.pt")
    distributed.destroy_process_group()


def share(rank: int, weights: tuple[float, ...], places: tuple[tuple[int, ...], ...], output: Path) -> None:
    """Its places of the pictures, and what they count. Gradients, statistics and outputs to a file."""
    layers = network()
    share_batch_norms(layers)
    for norm in (module for module in layers.modules() if isinstance(module, SharedBatchNorm)):
        norm.counts = weights[rank] > 0
    (loss_of(layers, pictures(5)[list(places[rank])]) * weights[rank]).backward()
    gradients = [parameter.grad for parameter in layers.parameters()]
    for gradient in gradients:
        assert gradient is not None
        distributed.all_reduce(gradient)
    if rank == 0:
        torch.save({"gradients": gradients, "buffers": dict(layers.named_buffers())}, output)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the processes found: starting them takes much longer than all they do."""
    folder = tmp_path_factory.mktemp("norms")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(one_process, (port, folder), nprocs=PROCESSES)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_several_processes_equal_one(found: Path, case: str) -> None:
    several, (_, _, pictures_seen) = torch.load(found / f"{case}.pt"), CASES[case]
    layers = network()
    loss_of(layers, pictures(5)[:pictures_seen]).backward()
    for gradient, parameter in zip(several["gradients"], layers.parameters(), strict=True):
        assert parameter.grad is not None
        assert torch.allclose(gradient, parameter.grad, rtol=0, atol=TOLERANCE)
    for name, buffer in layers.named_buffers():
        assert torch.allclose(several["buffers"][name].double(), buffer.double(), rtol=0, atol=TOLERANCE), name


def test_the_tensors_stay_those_of_the_network() -> None:
    """Optimisers and checkpoints know them."""
    layers = network()
    before = dict(layers.named_parameters()) | dict(layers.named_buffers())
    keys = list(layers.state_dict())
    share_batch_norms(layers)
    after = dict(layers.named_parameters()) | dict(layers.named_buffers())
    assert list(layers.state_dict()) == keys
    assert all(after[name] is tensor for name, tensor in before.items())


def test_in_evaluation_it_is_torchs_own() -> None:
    layers = network().eval()
    shared = copy.deepcopy(layers)
    share_batch_norms(shared)
    assert torch.equal(shared(pictures(3)), layers(pictures(3)))
