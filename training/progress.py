"""What a training tells while it runs: the bar, and a line of figures now and then."""

from __future__ import annotations

import datetime
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor
from tqdm import tqdm

from training.checkpoint import write_atomically
from training.events import Events
from training.processes import total
from training.recipe import Part, RecipeError, Stage

BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
FORGET_SECONDS = 60.0  # after which a measured speed counts half
TOLD_EVERY_SECONDS = 1.0


class Progress:
    """Figures since the last line, the speed, and the time that is left."""

    def __init__(self, fabric: Fabric, part: Part, run: Path, images_seen: int, tensorboard: bool = False) -> None:
        self.fabric, self.part = fabric, part
        self.lines = run / "metrics.jsonl"
        self.events = Events(run, images_seen) if tensorboard and fabric.is_global_zero else None
        self.figures: dict[str, list[Tensor]] = {}
        self.norms: dict[str, list[Tensor]] = {}
        self.speed = Speed(time.monotonic())
        self.reported = (time.monotonic(), images_seen)
        self.told_seconds = -math.inf
        self.bar = tqdm(
            total=part.stages[-1].until_images,
            initial=images_seen,
            unit="image",
            bar_format=BAR,
            disable=not fabric.is_global_zero,
        )
        if fabric.is_global_zero:
            drop_later_lines(self.lines, images_seen)
            drop_later_lines(run / "validation.jsonl", images_seen)

    def add(
        self, figures: Mapping[str, Tensor], stage: Stage, images_seen: int, norms: Mapping[str, Tensor] | None = None
    ) -> None:
        """One update: its losses, and the lengths of the gradients of its networks."""
        for kept, values in ((self.figures, figures), (self.norms, norms or {})):
            for name, value in values.items():
                kept.setdefault(name, []).append(value)
        now = time.monotonic()
        self.speed.add(now, stage.batch_size * cost(stage))
        self.bar.update(stage.batch_size)
        if self.fabric.is_global_zero and now > self.told_seconds + TOLD_EVERY_SECONDS:
            self.told_seconds = now
            self.tell(stage, images_seen)

    def tell(self, stage: Stage, images_seen: int) -> None:
        """Stage, size, speed, end and losses on the bar: this process's, from the first images on."""
        number, pixels = self.part.stages.index(stage) + 1, stage.window_pixels or stage.pixels
        self.bar.set_description_str(f"{self.part.name} {number}/{len(self.part.stages)} {pixels} px", refresh=False)
        left_seconds = self.speed.seconds(work_left(self.part, images_seen))
        losses = [f"{name} {float(torch.stack(values).mean()):.3g}" for name, values in self.figures.items()]
        images_per_second = stage.batch_size / max(self.speed.seconds(stage.batch_size * cost(stage)), 1e-9)
        words = (f"<{tqdm.format_interval(left_seconds)}", f"{images_per_second:.3g} images/s", *losses)
        self.bar.set_postfix_str(", ".join(words))

    def report(self, images_seen: int, rates: Mapping[str, float], stage: Stage) -> None:
        """A line in metrics.jsonl: means since the last line, over all processes; rates as they are.

        RecipeError unless all losses are finite. A gradient of float16 may overflow: its length is null then.
        """
        now = time.monotonic()
        rate = (images_seen - self.reported[1]) / max(now - self.reported[0], 1e-9)
        means = self.means()
        if self.fabric.is_global_zero:
            line = {
                "images_seen": images_seen,
                "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "stage": self.part.stages.index(stage) + 1,
                "images_per_second": round(rate, 3),
                **{f"{name}_learning_rate": value for name, value in rates.items()},
                **{f"{name}_gradient_norm": mean_or_none(values) for name, values in self.norms.items()},
                **means,
            }
            with self.lines.open("a") as lines:
                lines.write(json.dumps(line) + "\n")
            self.note(line, images_seen)
        self.figures, self.norms, self.reported = {}, {}, (now, images_seen)
        require_finite(means, images_seen)

    def means(self) -> dict[str, float]:
        """Of every figure since the last line, over all processes."""
        return {
            name: float(total(self.fabric, torch.stack(values).float().mean())) for name, values in self.figures.items()
        }

    def note(self, figures: Mapping[str, Any], images_seen: int, before: str = "") -> None:
        """To TensorBoard's file, if there is one."""
        if self.events is not None:
            self.events.note(figures, images_seen, before)

    def close(self) -> None:
        self.bar.close()
        if self.events is not None:
            self.events.close()


def mean_or_none(values: list[Tensor]) -> float | None:
    """Rounded to what a gradient's length means."""
    mean = float(torch.stack(values).mean())
    return float(f"{mean:.6g}") if math.isfinite(mean) else None


class Speed:
    """Seconds for a unit of work, from the last minutes."""

    def __init__(self, now_seconds: float) -> None:
        self.last_seconds = now_seconds
        self.spent_seconds, self.work = 0.0, 0.0

    def add(self, now_seconds: float, work: float) -> None:
        passed = now_seconds - self.last_seconds
        keep = 0.5 ** (passed / FORGET_SECONDS)
        self.spent_seconds, self.work = keep * self.spent_seconds + passed, keep * self.work + work
        self.last_seconds = now_seconds

    def seconds(self, work: float) -> float:
        """How long that much work takes at the present speed."""
        return self.spent_seconds / self.work * work if self.work else 0.0


def cost(stage: Stage) -> float:
    """Work of one image: its pixels."""
    return float((stage.window_pixels or stage.pixels) ** 2)


def work_left(part: Part, images_seen: int) -> float:
    """Of the images that are not seen yet, each at the size of its stage."""
    left, begin = 0.0, images_seen
    for stage in part.stages:
        left += max(0, stage.until_images - begin) * cost(stage)
        begin = max(begin, stage.until_images)
    return left


def require_finite(figures: Mapping[str, float], images_seen: int) -> None:
    wrong = [name for name, value in figures.items() if not math.isfinite(value)]
    if wrong:
        raise RecipeError(f"{', '.join(wrong)} is no longer finite at {images_seen} images; lower the learning rate")


def drop_later_lines(path: Path, images_seen: int) -> None:
    """Forget report lines after the checkpoint that is resumed from."""
    if path.is_file():
        lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
        kept = [line for line in lines if json.loads(line)["images_seen"] <= images_seen]
        text = "".join(f"{line}\n" for line in kept)
        write_atomically(path, lambda beside: beside.write_text(text))
