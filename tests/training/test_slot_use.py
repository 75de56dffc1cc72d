"""Figures of a memory whose use is known."""

import math
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from training.checkpoint import save_snapshot
from training.papers.showface.networks import Refiner
from training.slot_use import app, use_of, uses_of


def test_even_use_of_four_slots_is_four_and_of_one_is_one() -> None:
    slots = torch.eye(4)
    even = use_of("skin", slots, torch.tensor(4), torch.tensor([5, 5, 5, 5]))
    assert (even.filled, even.writes) == (4, 20)
    assert even.in_use == pytest.approx(4)
    assert even.alike == pytest.approx(0)
    one = use_of("skin", slots, torch.tensor(4), torch.tensor([20, 0, 0, 0]))
    assert one.in_use == pytest.approx(1)


def test_slots_that_hold_nothing_are_not_compared() -> None:
    slots = torch.zeros(4, 3)
    slots[:2] = 1
    assert use_of("hat", slots, torch.tensor(2), torch.tensor([1, 1, 0, 0])).alike == pytest.approx(1)
    nothing = use_of("hat", torch.zeros(4, 3), torch.tensor(0), torch.zeros(4, dtype=torch.int64))
    assert (nothing.filled, nothing.writes, nothing.in_use) == (0, 0, 0)
    assert math.isnan(nothing.alike)


@pytest.mark.parametrize(("disentangled", "rows"), [(True, 14), (False, 1)])
def test_the_command_prints_a_row_for_each_block(tmp_path: Path, disentangled: bool, rows: int) -> None:
    refiner = Refiner(2, 4, 4, 1, slots=4, disentangled=disentangled)
    save_snapshot(tmp_path / "refiner.safetensors", refiner.state_dict(), {})
    done = CliRunner().invoke(app, ["--snapshot", str(tmp_path / "refiner.safetensors")])
    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) == rows + 2
    memory = refiner.memory
    assert len(uses_of(memory.bank, memory.filled, memory.writes)) == rows


def test_another_snapshot_is_refused(tmp_path: Path) -> None:
    save_snapshot(tmp_path / "other.safetensors", {"weight": torch.zeros(2)}, {})
    done = CliRunner().invoke(app, ["--snapshot", str(tmp_path / "other.safetensors")])
    assert done.exit_code == 1
    assert "is no snapshot of a refiner: memory.bank" in str(done.exception.code) + done.output
