"""The command that people type: torchrun --nproc-per-node 2 -m training.train RECIPE --data FOLDER --run FOLDER."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from training.checkpoint import load_checkpoint
from training.torchrun import apart

ROOT = Path(__file__).parents[2]
TRAINING = ["training.train", "lafin_tiny", "--part", "generator", "--accelerator", "cpu", "--threads", "1"]


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    """On a free port."""
    free = ["--master-port", "0", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    command = [sys.executable, "-m", "training.torchrun", *free, "--nproc-per-node", "2", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)


def test_two_processes_train_as_typed(drawn_folder: Path, tmp_path: Path) -> None:
    done = torchrun("-m", *TRAINING, "--data", str(drawn_folder), "--run", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "2 processes on cpu" in done.stdout
    assert load_checkpoint(tmp_path / "generator" / "checkpoint.pt")["images_seen"] == 12
    assert len((tmp_path / "generator" / "metrics.jsonl").read_text().splitlines()) == 6


def test_it_is_the_command_of_the_environment() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["torchrun"] == "training.torchrun:main"


@pytest.mark.parametrize("options", [[], ["--nnodes", "2", "--standalone"]])
@pytest.mark.parametrize("flag", ["-m", "--module"])
def test_a_programs_options_stay_its_own(options: list[str], flag: str) -> None:
    program = ["--data", "faces", "--run", "runs/tiny", "--nproc-per-node", "3", "-m", "x"]
    read = get_args_parser().parse_args(apart([*options, "--nproc-per-node", "2", flag, "training.train", *program]))
    assert (read.training_script, read.training_script_args) == ("training.train", program)
    assert (read.nproc_per_node, read.module, read.run_path) == ("2", True, False)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-m", "--", "training.train", "--run", "x"], ["train.py", "-m"], []]
)
def test_what_needs_nothing_stays_as_it_is(arguments: list[str]) -> None:
    assert apart(arguments) == arguments
