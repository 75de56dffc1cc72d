"""The memory after a batch, shared by one, two and three processes."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import torch
import torch.distributed as distributed
from torch import Tensor

from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, batches
from training.papers.showface.networks import Refiner
from training.papers.showface.recipe import IRREGULAR
from training.papers.showface.remembering import remember

UPDATES, BATCH = 3, 4
ACCUMULATE = (1, 3)  # micro-batches of a batch


def refiner() -> Refiner:
    torch.manual_seed(0)
    return Refiner(2, 4, 4, 1, slots=3)


def maps_of(batch: Batch) -> Tensor:
    """Classes by brightness, [B,H,W]."""
    return (batch.image.mean(dim=1) * 13.99).long()


def taught(rank: int, world: int, accumulate: int = 1) -> Refiner:
    """After a few batches."""
    stream = FaceStream(DrawnFaces(6, 32), IRREGULAR, pixels=32, seed=0)
    network = refiner()
    row = batches(stream, start=0, batch_size=BATCH, workers=0, rank=rank, world=world, accumulate=accumulate)
    for _ in range(UPDATES):
        shares = [next(row) for _ in range(accumulate)]
        remember(network, [(share, share.image, maps_of(share)) for share in shares])
    return network


def test_a_batch_is_written_in_the_order_of_its_places() -> None:
    batch = next(batches(FaceStream(DrawnFaces(6, 32), IRREGULAR, pixels=32, seed=0), start=0, batch_size=4, workers=0))
    turned = replace(
        batch,
        **{name: getattr(batch, name).flip(0) for name in ("image", "hole", "landmarks", "position")},
    )
    one, other = refiner(), refiner()
    remember(one, [(batch, batch.image, maps_of(batch))])
    remember(other, [(turned, turned.image, maps_of(turned))])
    assert torch.allclose(one.memory.bank, other.memory.bank, atol=1e-6)
    assert int(one.memory.writes.sum()) > 14


def test_a_share_without_weight_brings_nothing() -> None:
    batch = next(batches(FaceStream(DrawnFaces(6, 32), IRREGULAR, pixels=32, seed=0), start=0, batch_size=2, workers=0))
    network = refiner()
    remember(network, [(replace(batch, weight=0.0), batch.image, maps_of(batch))])
    assert int(network.memory.filled.sum()) == 0


@pytest.mark.parametrize("world", [1, 2, 3])
def test_any_number_of_processes_remembers_the_same(tmp_path: Path, world: int) -> None:
    """Shares of four are uneven, and with micro-batches of one or two some processes only repeat."""
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(world), "--master-port", "0",
            "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "-m", __name__, str(tmp_path),
        ],
        capture_output=True, text=True, timeout=200, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    expected = taught(0, 1).memory.state_dict()
    for rank, accumulate in product(range(world), ACCUMULATE):
        found = torch.load(tmp_path / f"{rank}_{accumulate}.pt")
        assert torch.equal(found["writes"], expected["writes"]), accumulate
        assert torch.equal(found["filled"], expected["filled"]), accumulate
        assert torch.allclose(found["bank"], expected["bank"], atol=1e-5), accumulate


if __name__ == "__main__":
    distributed.init_process_group("gloo")
    number = distributed.get_rank()
    for micro_batches in ACCUMULATE:
        learnt = taught(number, distributed.get_world_size(), micro_batches)
        torch.save(learnt.memory.state_dict(), Path(sys.argv[1]) / f"{number}_{micro_batches}.pt")
    distributed.destroy_process_group()
