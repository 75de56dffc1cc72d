"""Two processes compute what one does, for every tiny recipe."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.fabric import seed_everything
from torch import Tensor, nn

from tests.fakes.once import once
from tests.training.several import cases, files, run, tiny_parts
from training.checkpoint import load_checkpoint

PARTS = tiny_parts()


@pytest.fixture(scope="session")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every case of every part, trained by two processes."""
    return once(tmp_path_factory, "two_processes", train_by_two)


def train_by_two(output: Path) -> None:
    files(output / "files")
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0",
            "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "-m", "tests.training.several", str(output),
        ],
        capture_output=True, text=True, timeout=540, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def losses(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    clocks = {"images_per_second", "time"}
    return [{name: value for name, value in line.items() if name not in clocks} for line in lines]


def without_gradients(line: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in line.items() if not name.endswith("_gradient_norm")}


def weights(state: dict[str, Tensor], network: nn.Module) -> Tensor:
    return torch.cat([state[name].double().flatten() for name, _ in network.named_parameters()])


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "case"), cases())
def test_two_processes_equal_one(two_processes: Path, tmp_path: Path, name: str, case: str) -> None:
    """Losses and the first gradients to a thousandth, weights to a fiftieth of the way that they went."""
    frozen = files(tmp_path / "files")
    one, two = run(name, PARTS[name], tmp_path, frozen, case), two_processes / f"{name}_{case}"
    (first_two, *later_two), (first_one, *later_one) = losses(two), losses(one)
    assert first_two == pytest.approx(first_one, rel=1e-3)
    assert [without_gradients(line) for line in later_two] == [
        pytest.approx(without_gradients(line), rel=1e-3) for line in later_one
    ]
    found, expected = (load_checkpoint(folder / "checkpoint.pt")["networks"] for folder in (two, one))
    seed_everything(PARTS[name].seed, verbose=False)
    for network, first in PARTS[name].build(frozen).networks.items():
        begin = weights(first.state_dict(), first)
        went = (weights(expected[network], first) - begin).norm()
        assert went > 0
        assert (weights(found[network], first) - weights(expected[network], first)).norm() < 0.02 * went
        assert buffers_agree(found[network], expected[network], first)


def buffers_agree(found: dict[str, Tensor], expected: dict[str, Tensor], network: nn.Module) -> bool:
    """Running statistics and the vectors of spectral norms."""
    kept = [name for name, _ in network.named_buffers() if name in network.state_dict()]
    assert all(name in expected for name in kept)
    return all(torch.allclose(found[name], expected[name], rtol=1e-3, atol=1e-4) for name in kept)
