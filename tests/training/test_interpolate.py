"""Weights between two snapshots."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from training.checkpoint import load_snapshot, save_snapshot
from training.interpolate import app

HALF_PRECISION = 1e-3


@pytest.fixture
def snapshots(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    save_snapshot(first, {"weight": torch.zeros(2, 3)}, {"images_seen": "1"})
    save_snapshot(second, {"weight": torch.ones(2, 3), "grain": torch.tensor(32)}, {"images_seen": "2"})
    return first, second


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_says_where_between(snapshots: tuple[Path, Path], tmp_path: Path, share: float) -> None:
    out = tmp_path / "out.safetensors"
    done = CliRunner().invoke(app, [*map(str, snapshots), str(out), "--share", str(share)])
    assert done.exit_code == 0, done.output
    state, metadata = load_snapshot(out)
    assert torch.allclose(state["weight"], torch.full((2, 3), share), atol=HALF_PRECISION)
    assert int(state["grain"]) == 32
    assert metadata["images_seen"] == "2"


@pytest.mark.parametrize("place", [0, 1])
def test_an_input_is_never_overwritten_by_whatever_name(
    snapshots: tuple[Path, Path], tmp_path: Path, place: int
) -> None:
    before = snapshots[place].read_bytes()
    alias = tmp_path / "alias.safetensors"
    alias.symlink_to(snapshots[place])
    for out in (snapshots[place], tmp_path / "." / ".." / tmp_path.name / snapshots[place].name, alias):
        done = CliRunner().invoke(app, [*map(str, snapshots), str(out)])
        assert done.exit_code == 1
        assert "which would be lost; name another file to write" in str(done.exception)
    assert snapshots[place].read_bytes() == before


@pytest.mark.parametrize("other", [{"weight": torch.zeros(3, 2)}, {"bias": torch.zeros(2, 3)}])
def test_different_networks_are_refused_by_name(
    snapshots: tuple[Path, Path], tmp_path: Path, other: dict[str, torch.Tensor]
) -> None:
    wrong, out = tmp_path / "wrong.safetensors", tmp_path / "out.safetensors"
    save_snapshot(wrong, other, {})
    done = CliRunner().invoke(app, [str(wrong), str(snapshots[1]), str(out)])
    assert done.exit_code == 1
    assert "training.interpolate: the snapshots are of different networks: " in done.output
    assert "weight" in done.output
    assert not out.exists()


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [str(tmp_path / name) for name in "abc"])
    assert done.exit_code == 1
    assert "there is no snapshot at" in done.output
