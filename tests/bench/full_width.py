"""`python -m tests.bench.full_width [RECIPE ...]`: two updates of DSA's recipes at the paper's width, with peak memory.

Each recipe runs in a process of its own, on drawn faces with a batch of two, which batch norm needs at least: losses
must be finite. Without names: all recipes of the paper.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from tests.training.several import files
from training.data.drawn import DrawnFaces
from training.data.stream import batches
from training.papers import RECIPES

RECIPES_AT_FULL_WIDTH = (
    "dsa",
    "dsa_ffhq",
    "dsa_irregular",
    "dsa_without_supervision",
    "dsa_contextual_attention",
    "dsa_two_discriminators",
    "dsa_1024",
)
BATCH, UPDATES = 2, 2


def run(name: str) -> str:
    """Two updates of a recipe; a row of the table. AssertionError if a loss is not finite."""
    (part,) = RECIPES[name]().parts
    stage = part.stages[-1]
    with tempfile.TemporaryDirectory() as folder:
        step = part.build(replace(files(Path(folder)), parser=None))
    row = batches(part.stream(DrawnFaces(4, stage.pixels), part, stage), start=0, batch_size=BATCH, workers=0)
    begin = time.process_time()
    for _ in range(UPDATES):
        figures = step.update(next(row))
        assert all(math.isfinite(float(value)) for value in figures.values()), figures
    seconds = (time.process_time() - begin) / UPDATES
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return f"{name:28} {stage.pixels:5} px  {len(figures):3} figures  {seconds:7.1f} s  {gigabytes:6.1f} GB"


def apart(name: str, threads: int) -> str:
    """The same in a process of its own, whose peak memory is that of the recipe alone. CalledProcessError."""
    command = [sys.executable, "-m", "tests.bench.full_width", "--here", "--threads", str(threads), name]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.full_width", description=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(RECIPES_AT_FULL_WIDTH), help="default: all")
    parser.add_argument("--here", action="store_true", help="in this process")
    parser.add_argument("--threads", type=int, default=1, help="threads (default 1)")
    options = parser.parse_args()
    if unknown := set(options.recipes) - {name for name in RECIPES if name.startswith("dsa")}:
        parser.error(f"unknown {', '.join(sorted(unknown))}; there are {', '.join(RECIPES_AT_FULL_WIDTH)}")
    torch.set_num_threads(options.threads)
    for name in options.recipes:
        print(run(name) if options.here else apart(name, options.threads), flush=True)


if __name__ == "__main__":
    main()
