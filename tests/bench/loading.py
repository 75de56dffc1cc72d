"""Whether the loading of faces keeps ahead of training: python -m tests.bench.loading --data FOLDER [RECIPE ...].

Of every stage, turns of one batch: its items are loaded by one process, then the update is computed. Both are given in
images per second of this process's processor time, so that other work on the machine counts for neither. Their ratio
says how many times faster one core loads than it updates. For a GPU, compare its own images per second with what one
core loads.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from training.data.faces import Faces, open_split
from training.data.stream import batches
from training.loop import settle
from training.machine import Machine, best_layout, launch
from training.papers import RECIPES
from training.recipe import Files, Part, Recipe, RecipeError, Stage

HEAD = "| recipe | part | stage | loads images/s | updates images/s | ratio |\n|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Rates:
    """Images per second of processor time."""

    loading: float
    updating: float


def measure(part: Part, stage: Stage, faces: Faces, seconds: float) -> Rates:
    """Turns of loading and updating for so many seconds, two at least; the first, which warms up, does not count."""
    fabric = launch(Machine(accelerator="cpu", devices=1))
    step = part.build(Files())
    settle(fabric, step)
    step.phase = stage.phase
    row = batches(part.stream(faces, part, stage), start=0, batch_size=stage.batch_size, workers=0)
    spent: list[tuple[float, float]] = []
    end = time.monotonic() + seconds
    while len(spent) < 3 or time.monotonic() < end:
        begin = time.process_time()
        batch = next(row).to(fabric.device, best_layout(fabric.device))
        loaded = time.process_time()
        with fabric.autocast():
            step.update(batch)
        spent.append((loaded - begin, time.process_time() - loaded))
    loading, updating = (sum(column) for column in zip(*spent[1:], strict=True))
    images = stage.batch_size * (len(spent) - 1)
    return Rates(images / loading, images / updating)


def different_stages(part: Part) -> list[Stage]:
    """One stage of each size, batch and phase."""
    return list({(one.pixels, one.window_pixels, one.batch_size, one.phase): one for one in part.stages}.values())


def rows(recipe: Recipe, faces: Faces, seconds: float) -> list[str]:
    """A line of the table for each stage; what needs a network that nobody names here is left out, and said."""
    found: list[str] = []
    for part in recipe.parts:
        try:
            part.build(Files())
        except RecipeError as error:
            print(f"{recipe.name}, {part.name} is left out: {error}", flush=True)
            continue
        for stage in different_stages(part):
            rates = measure(part, stage, faces, seconds)
            words = (
                f"{stage.window_pixels or stage.pixels} px of {stage.pixels}, batch {stage.batch_size} {stage.phase}"
            )
            ratio = rates.loading / rates.updating
            figures = f"{rates.loading:.1f} | {rates.updating:.2f} | {ratio:.1f}"
            found.append(f"| {recipe.name} | {part.name} | {words.strip()} | {figures} |")
            print(found[-1], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="prepared folder")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each stage")
    parser.add_argument("recipes", nargs="*", default=list(RECIPES), help="default: all")
    options = parser.parse_args()
    faces = open_split(options.data, "train")
    print(HEAD)
    for name in options.recipes:
        rows(RECIPES[name](), faces, options.seconds)


if __name__ == "__main__":
    main()
