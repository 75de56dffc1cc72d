"""A training that must stop: what is saved, what is said, and that it goes on as if nothing had been."""

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.failing import CPU, PART, FailingFaces
from training.checkpoint import load_checkpoint
from training.data.drawn import DrawnFaces
from training.data.faces import DataError
from training.loop import train
from training.recipe import Files
from training.stopping import StoppedError, in_words


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("unbroken")
    assert train(PART, DrawnFaces(4, 64), run, Files(), CPU) == 12
    return run


def require_the_same(one: Path, other: Path) -> None:
    whole, resumed = load_checkpoint(one / "checkpoint.pt"), load_checkpoint(other / "checkpoint.pt")
    assert resumed["images_seen"] == whole["images_seen"]
    for name, tensors in whole["networks"].items():
        for key, tensor in tensors.items():
            assert torch.equal(tensor, resumed["networks"][name][key]), (name, key)


def test_faces_that_cannot_be_read_stop_it_where_it_is(unbroken: Path, tmp_path: Path) -> None:
    """A checkpoint was due at 4 images; at 6 the seventh picture is missing."""
    said = "generator stopped at 6 of 12 images: 0007.png is gone. When that is mended, the same command goes on, with"
    with pytest.raises(StoppedError, match=said):
        train(PART, FailingFaces(7, DataError("0007.png is gone")), tmp_path, Files(), CPU)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["images_seen"] == 6
    assert (tmp_path / "generator.safetensors").is_file()
    assert train(PART, DrawnFaces(4, 64), tmp_path, Files(), CPU) == 12
    require_the_same(unbroken, tmp_path)


def test_a_loading_process_is_quoted_by_its_last_line(tmp_path: Path) -> None:
    machine = replace(CPU, workers=1)
    with pytest.raises(StoppedError, match=r"stopped at 2 of 12 images: 0003\.png is gone\. When"):
        train(PART, FailingFaces(3, DataError("0003.png is gone")), tmp_path, Files(), machine)


def test_what_fails_at_once_leaves_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StoppedError, match="stopped at 0 of 12 images: the disk is broken"):
        train(PART, FailingFaces(0, OSError("the disk is broken")), tmp_path, Files(), CPU)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_fault_of_ours_keeps_its_traceback_and_saves_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        train(PART, FailingFaces(5, ZeroDivisionError()), tmp_path, Files(), CPU)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["images_seen"] == 4


@contextlib.contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """No file may grow beyond this, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_last_good_checkpoint(unbroken: Path, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train(PART, FailingFaces(5, OSError("enough")), tmp_path, Files(), CPU)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in (".pt", ".safetensors")}
    said = r"stopped at 8 of 12 images: the disk is full: .*checkpoint\.pt could not be written \(.*\)\. When"
    with files_up_to(len(before["checkpoint.pt"]) // 2), pytest.raises(StoppedError, match=said):
        train(PART, DrawnFaces(4, 64), tmp_path, Files(), CPU)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name in before} == before
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    assert train(PART, DrawnFaces(4, 64), tmp_path, Files(), CPU) == 12
    require_the_same(unbroken, tmp_path)


def test_figures_that_cannot_be_written_stop_it_after_saving(tmp_path: Path) -> None:
    (tmp_path / "sheets").write_text("a file where a folder should be")
    with pytest.raises(StoppedError, match=r"stopped at 12 of 12 images: .*sheets"):
        train(PART, DrawnFaces(4, 64), tmp_path, Files(), CPU)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["images_seen"] == 12


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DataError("a.png is gone"), "a.png is gone"),
        (
            DataError("Caught DataError in DataLoader worker process 0.\nx\nm.DataError: a.png is gone\n"),
            "a.png is gone",
        ),
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (RuntimeError("DataLoader worker (pid 7) is killed"), "DataLoader worker (pid 7) is killed"),
    ],
)
def test_the_reason_is_one_line(error: Exception, words: str) -> None:
    assert in_words(error) == words


def test_processes_stop_together_when_one_cannot_read(tmp_path: Path) -> None:
    """The second process's third picture is missing; the first one knows nothing of it, and writes the checkpoint."""
    command = ["--nproc-per-node", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    module = ["-m", "--", "tests.training.failing", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *command, *module],
        capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "process 1: generator stopped at 4 of 12 images: 0003.png is gone. When" in done.stderr
    assert "process 0: generator stopped at 4 of 12 images: another process has said why. When" in done.stderr
    assert load_checkpoint(tmp_path / "checkpoint.pt")["images_seen"] == 4
