import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training import checkpoint


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    checkpoint.save_checkpoint(tmp_path / "c.pt", {"images_seen": 3, "weights": {"a": torch.arange(4.0)}})
    state = checkpoint.load_checkpoint(tmp_path / "c.pt")
    assert state["images_seen"] == 3
    assert torch.equal(state["weights"]["a"], torch.arange(4.0))


def test_a_write_that_breaks_keeps_the_last_good_file(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save_checkpoint(path, {"images_seen": 1})

    def break_off(beside: Path) -> None:
        beside.write_bytes(b"half a file")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        checkpoint.write_atomically(path, break_off)
    assert checkpoint.load_checkpoint(path)["images_seen"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


@pytest.mark.parametrize(
    "save",
    [
        lambda path, size: checkpoint.save_checkpoint(path, {"weights": torch.zeros(size)}),
        lambda path, size: checkpoint.save_snapshot(path, {"weights": torch.zeros(size)}, {}),
        lambda path, size: checkpoint.write_atomically(path, lambda beside: beside.write_bytes(bytes(size))),
    ],
    ids=["checkpoint", "snapshot", "anything"],
)
def test_a_full_disk_is_one_line_and_keeps_the_last_good_file(
    save: Callable[[Path, int], None], tmp_path: Path, small_disk: None
) -> None:
    path = tmp_path / "file"
    save(path, 3)
    good = path.read_bytes()
    with pytest.raises(checkpoint.DiskFullError, match=rf"^the disk is full: {path} could not be written \(.*\)$"):
        save(path, 100_000)
    assert path.read_bytes() == good
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(print))
    with pytest.raises(checkpoint.CheckpointError, match=r"evil\.pt"):
        checkpoint.load_checkpoint(path)


def test_snapshots_are_half_precision_with_metadata(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    checkpoint.save_snapshot(path, {"w": torch.tensor([0.1]), "count": torch.tensor(7)}, {"images_seen": "9"})
    tensors, metadata = checkpoint.load_snapshot(path)
    assert metadata == {"images_seen": "9"}
    assert path.stat().st_mode & 0o777 == 0o644
    assert tensors["w"].dtype == torch.float32
    assert tensors["w"].item() == pytest.approx(0.1, abs=1e-4)
    assert tensors["count"].item() == 7


@pytest.mark.parametrize("content", [None, b"", b"no safetensors"])
def test_a_bad_snapshot_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "s.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(checkpoint.CheckpointError, match=r"s\.safetensors"):
        checkpoint.load_snapshot(path)
