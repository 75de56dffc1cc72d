"""Model repositories for the tests: a copy of the project's own, and two models whose forward takes long."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from service.embedded.repository import parse
from tests.contract.standins import make_slow, make_standin

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = ROOT / "model_repository"

STANDIN, LIKE = "standin", "lafin_generator"  # a model of which many requests at once cost little
SLOW_QUEUE_SIZE = 3

SLOW = f"""
name: "slow" backend: "pytorch" max_batch_size: 2
input [ {{ name: "INPUT__0" data_type: TYPE_FP32 dims: [ 1 ] }} ]
output [ {{ name: "OUTPUT__0" data_type: TYPE_FP32 dims: [ 1 ] }} ]
dynamic_batching {{
  max_queue_delay_microseconds: 100
  default_queue_policy {{
    default_timeout_microseconds: 20000000 allow_timeout_override: true max_queue_size: {SLOW_QUEUE_SIZE}
  }}
}}
"""

SLOW_TWICE = """
name: "slow_twice" platform: "ensemble" max_batch_size: 2
input [ { name: "number" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "answer" data_type: TYPE_FP32 dims: [ 1 ] } ]
ensemble_scheduling { step [
  { model_name: "slow" model_version: -1
    input_map { key: "INPUT__0" value: "number" } output_map { key: "OUTPUT__0" value: "half" } },
  { model_name: "slow" model_version: -1
    input_map { key: "INPUT__0" value: "half" } output_map { key: "OUTPUT__0" value: "answer" } }
] }
"""

CONFIGS = sorted(REPOSITORY.glob("*/config.pbtxt"))
DEPLOYED = [path.parent.name for path in CONFIGS]
LEAVES = [path.parent.name for path in CONFIGS if not parse(path).HasField("ensemble_scheduling")]


def max_batch_size(model: str) -> int:
    return int(parse(REPOSITORY / model / "config.pbtxt").max_batch_size)


def copy_repository(folder: Path) -> Path:
    """The project's repository, config.pbtxt untouched, with real exports where there are snapshots."""
    shutil.copytree(REPOSITORY, folder)
    for name in DEPLOYED:
        (folder / name / "1").mkdir(exist_ok=True)
    export([name for name in LEAVES if (folder / name / "snapshot.safetensors").is_file()], folder)
    for name in LEAVES:
        if not (folder / name / "1" / "model.pt").is_file():
            make_standin(folder / name)
    return folder


def standin_repository(folder: Path) -> Path:
    """The project's config.pbtxt files over stand-ins: for tests to which the weights do not matter."""
    for path in CONFIGS:
        (folder / path.parent.name / "1").mkdir(parents=True)
        shutil.copyfile(path, folder / path.parent.name / "config.pbtxt")
    for name in LEAVES:
        make_standin(folder / name)
    return folder


def add_standin(folder: Path, name: str, like: str) -> None:
    """A stand-in called `name` with the configuration of the leaf `like`."""
    config = (REPOSITORY / like / "config.pbtxt").read_text()
    (folder / name / "1").mkdir(parents=True)
    (folder / name / "config.pbtxt").write_text(config.replace(f'"{like}"', f'"{name}"'))
    make_standin(folder / name)


def export(names: list[str], folder: Path) -> None:
    chosen = [argument for name in names for argument in ("--model", name)]
    if chosen:
        command = [sys.executable, "-m", "training.export", "--repository", str(folder), *chosen]
        subprocess.run(command, check=True, cwd=ROOT)


def add_slow_models(folder: Path) -> None:
    """`slow` (a leaf with a short queue) and `slow_twice` (an ensemble of it)."""
    for name, config in (("slow", SLOW), ("slow_twice", SLOW_TWICE)):
        (folder / name / "1").mkdir(parents=True)
        (folder / name / "config.pbtxt").write_text(config)
    make_slow(folder / "slow")
