"""The training loop, to be read from top to bottom. It knows recipes and steps, no paper."""

from __future__ import annotations

import contextlib
import copy
import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import nn

from training.checkpoint import CheckpointError, DiskFullError
from training.data.faces import DataError, Faces
from training.data.stream import Batch, batches
from training.keeping import NONE, Keep
from training.machine import Machine, best_layout, describe, launch, loaders
from training.processes import any_process, join, total
from training.progress import Progress, require_finite
from training.recipe import Files, Part, RecipeError, Stage, stage_at
from training.saving import begin_with, resume, save, save_best
from training.step import Step
from training.stopping import noted, require_untroubled
from training.watching import note_validation, validate, validation_of, write_sheet

# What frozen networks are called where the name of the option does not say it.
WORDS = {"features": "feature network"}
HERE = Machine()


def train(
    part: Part,
    faces: Faces,
    run: Path,
    files: Files,
    machine: Machine = HERE,
    *,
    seconds: float | None = None,
    start: Path | None = None,
    validation: Faces | None = None,
    keep: Keep = NONE,
    tensorboard: bool = False,
) -> int:
    """Train `part` in the folder `run`, from its checkpoint if there is one; images seen when it ends.

    Without a checkpoint it begins with the snapshots that `start` names, if given: shipped networks and their count of
    images go on, discriminators, optimisers, and networks that it has no snapshot of begin anew. On the faces of
    `validation` it is judged now and then, and the best networks are kept; `keep` says which others stay.

    Ends when the last stage is full, after `seconds`, or at SIGINT or SIGTERM, and with StoppedError when faces cannot
    be read or files not written; in each case the state is saved, and the same call goes on from there. On one CPU,
    with the same number of threads, a resumed run equals an unbroken one to the bit. Several processes compute what
    one would, whatever their number.
    """
    fabric = launch(machine)
    fabric.seed_everything(part.seed, verbose=False)
    run.mkdir(parents=True, exist_ok=True)

    # Networks, their averages, and the state to resume from.
    step = part.build(files)
    require_batches(part, step, machine)
    settle(fabric, step)
    averages = {name: copy.deepcopy(step.networks[name]).eval().requires_grad_(False) for name in step.shipped}
    said = [f"{part.name}: {describe(fabric, machine)}", *left_out(part, step), *idle(part, machine, fabric.world_size)]
    images_seen = resume(run / "checkpoint.pt", part, step, averages)
    if start is not None and not (run / "checkpoint.pt").is_file():
        images_seen, untrained = begin_with(start, part, step, averages)
        others = f"; untrained begin {', '.join(untrained)}" if untrained else ""
        said.append(f"{part.name}: begins with {start} at {images_seen:,} images{others}")
    validation, line = validation_of(part, validation)
    said.append(line)
    require_one_start(fabric, run, images_seen)
    join(step, fabric.world_size)
    if fabric.is_global_zero:
        print("\n".join(said))

    total_images = part.stages[-1].until_images
    progress = Progress(fabric, part, run, images_seen, tensorboard)
    ends_at_seconds = math.inf if seconds is None else time.monotonic() + seconds
    row: Iterator[Batch] | None = None
    row_stage: Stage | None = None
    stopped = False
    began_at_images, troubles = images_seen, list[Exception]()
    with stop_signals() as asked_to_stop, contextlib.closing(progress):
        while images_seen < total_images and not stopped:
            # One batch of the present stage, in as many shares as were asked for.
            stage = stage_at(part, images_seen)
            if row is None or row_stage is not stage:
                row, row_stage = stage_batches(part, stage, faces, images_seen, fabric, machine), stage
            with noted(troubles, Exception):
                shares = [next(row).to(fabric.device, best_layout(fabric.device)) for _ in range(machine.accumulate)]
            if any_process(fabric, bool(troubles)):
                if images_seen > began_at_images:
                    require_finite(progress.means(), images_seen)
                    save(fabric, run, part, step, averages, images_seen, keep)
                break
            set_learning_rates(step, part, images_seen)
            step.phase = stage.phase

            # Every update of it.
            with fabric.autocast():
                figures = step.update(*shares)
            average(part, step, averages, stage.batch_size)
            images_seen += stage.batch_size

            # What is told and written down.
            progress.add(figures, stage, images_seen, step.gradient_norms)
            ended = images_seen >= total_images
            sheet = run / "sheets" / f"{images_seen:09d}.png"
            with noted(troubles, OSError, DiskFullError, DataError):
                if due(images_seen, part.report_every_images, stage.batch_size):
                    progress.report(images_seen, learning_rates(step), stage)
                if fabric.is_global_zero and due(images_seen, part.sheet_every_images, stage.batch_size):
                    write_sheet(part, stage, step, averages, faces, sheet, fabric.device)
                judged = ended or due(images_seen, part.validate_every_images, stage.batch_size)
                if validation is not None and fabric.is_global_zero and judged:
                    errors = look(part, step, averages, validation, run, images_seen, fabric.device)
                    progress.note(errors, images_seen, "validation/")
            stopped = any_process(fabric, bool(troubles or asked_to_stop) or time.monotonic() > ends_at_seconds)
            if stopped or ended or due(images_seen, part.checkpoint_every_images, stage.batch_size):
                require_finite(progress.means(), images_seen)
                save(fabric, run, part, step, averages, images_seen, keep)
            if fabric.is_global_zero and (stopped or ended) and not sheet.exists():
                with noted(troubles, OSError, DiskFullError):
                    write_sheet(part, stage, step, averages, faces, sheet, fabric.device)
    require_untroubled(fabric, part, images_seen, troubles)
    return images_seen


def require_batches(part: Part, step: Step, machine: Machine) -> None:
    """RecipeError where a stage cannot run: a phase that the step does not know, micro-batches that are too small."""
    smallest = min(stage.batch_size // machine.accumulate for stage in part.stages)
    normed = any(isinstance(m, nn.BatchNorm2d) for network in step.networks.values() for m in network.modules())
    if smallest < 1 + normed:
        reason = "batch norms need two pictures at a time" if normed else "a micro-batch needs a picture"
        raise RecipeError(f"part {part.name}: --accumulate {machine.accumulate} leaves {smallest}; {reason}")
    for stage in part.stages:
        if stage.phase not in step.phases:
            raise RecipeError(f"part {part.name} has no phase {stage.phase!r}; it has {', '.join(step.phases)}")


def settle(fabric: Fabric, step: Step) -> None:
    """Move everything to the device, in the layout that it computes fastest, with the arithmetic's own backward."""
    layout = best_layout(fabric.device)
    for network in (*step.networks.values(), *step.frozen.values()):
        if network is not None:
            move: Any = network.to  # torch's own types leave the layout out
            move(device=fabric.device, memory_format=layout)
    for name, optimizer in step.optimizers.items():
        wrapped: Any = fabric.setup_optimizers(optimizer)
        step.optimizers[name] = wrapped
    step.backward = fabric.backward
    if isinstance(scaler := getattr(fabric.strategy.precision, "scaler", None), torch.amp.GradScaler):
        step.gradient_scale = scaler.get_scale


def require_one_start(fabric: Fabric, run: Path, images_seen: int) -> None:
    """CheckpointError unless every process begins at the same image, which it reads from the run folder."""
    together = float(total(fabric, torch.tensor(float(images_seen))))
    if any_process(fabric, together != images_seen * fabric.world_size):
        raise CheckpointError(f"{run} is not the same folder on every machine: its checkpoints differ")


def left_out(part: Part, step: Step) -> list[str]:
    """A line for each frozen network that the step's losses could use and the user did not name."""
    return [
        f"{part.name}: no {WORDS.get(name, name)} given (--{name}): the losses that need one are left out"
        for name, network in step.frozen.items()
        if network is None
    ]


def idle(part: Part, machine: Machine, world: int) -> list[str]:
    """A line where some processes only repeat the pictures of others."""
    smallest = min(stage.batch_size // machine.accumulate for stage in part.stages)
    if smallest >= world:
        return []
    return [
        f"{part.name}: {smallest} pictures at a time keep {smallest} of {world} processes busy; "
        f"--batch {world * machine.accumulate} gives each of them one, and is another training"
    ]


def stage_batches(
    part: Part, stage: Stage, faces: Faces, images_seen: int, fabric: Fabric, machine: Machine
) -> Iterator[Batch]:
    """This process's shares of the row of batches from `images_seen` on."""
    return batches(
        part.stream(faces, part, stage),
        start=images_seen,
        batch_size=stage.batch_size,
        workers=loaders(fabric, machine),
        rank=fabric.global_rank,
        world=fabric.world_size,
        accumulate=machine.accumulate,
    )


def set_learning_rates(step: Step, part: Part, images_seen: int) -> None:
    """Each optimiser's own rate times the stage's factor and decay."""
    stage = stage_at(part, images_seen)
    index = part.stages.index(stage)
    begin = part.stages[index - 1].until_images if index else 0
    progress = (images_seen - begin) / (stage.until_images - begin)
    decay = stage.decay_to + (1 - stage.decay_to) * 0.5 * (1 + math.cos(math.pi * progress))
    for optimizer in step.optimizers.values():
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * stage.learning_rate_factor * decay


def learning_rates(step: Step) -> dict[str, float]:
    """That of each optimiser's first group, which the recipe calls so; Muon's lengths follow it."""
    return {name: float(optimizer.param_groups[0]["lr"]) for name, optimizer in step.optimizers.items()}


def average(part: Part, step: Step, averages: dict[str, nn.Module], images: int) -> None:
    """Move the exponential moving averages towards the present weights; buffers are copied."""
    keep = 0.5 ** (images / part.ema_half_life_images) if part.ema_half_life_images else 0.0
    with torch.no_grad():
        for name, averaged in averages.items():
            present = step.networks[name].state_dict()
            parameters = dict(averaged.named_parameters())
            for key, tensor in averaged.state_dict().items():
                if key in parameters:
                    parameters[key].lerp_(present[key].to(parameters[key].dtype), 1 - keep)
                else:
                    tensor.copy_(present[key])


def due(images_seen: int, every_images: int, batch_size: int) -> bool:
    """Whether the last batch crossed a multiple of `every_images`; of 0 there are none."""
    return every_images > 0 and images_seen // every_images > (images_seen - batch_size) // every_images


def look(
    part: Part,
    step: Step,
    averages: dict[str, nn.Module],
    faces: Faces,
    run: Path,
    images_seen: int,
    device: torch.device,
) -> dict[str, float]:
    """Judge the averaged networks on validation faces: a line, a sheet, and their snapshots if none were better.

    Returns the means of their errors.
    """
    figures = validate(part, step, averages, faces, device)
    best = save_best(run, part, step, averages, images_seen, figures[part.best_by])
    note_validation(run / "validation.jsonl", images_seen, figures, best)
    sheet = run / "sheets" / f"{images_seen:09d}_validation.png"
    write_sheet(part, part.stages[-1], step, averages, faces, sheet, device)
    return figures


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that fills when SIGINT or SIGTERM arrives; the second SIGINT interrupts at once."""
    arrived: list[int] = []
    before = {}

    def note(number: int, frame: Any) -> None:
        if arrived and number == signal.SIGINT:
            raise KeyboardInterrupt
        arrived.append(number)

    with contextlib.suppress(ValueError):  # not the main thread: signals stay as they are
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
