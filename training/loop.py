"""The training loop, to be read from top to bottom. It knows recipes and steps, no paper."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from training.checkpoint import CheckpointError, load_checkpoint, load_snapshot, save_checkpoint, save_snapshot
from training.data.faces import Faces
from training.data.stream import Batch, FaceStream, batches, collate
from training.layers.spectral import load_folded_state
from training.recipe import Files, Part, RecipeError, Stage, Step

# Frozen networks that a step may hold, by the name of the attribute and of the option.
FROZEN = {"features": "feature network", "parser": "parser"}


@dataclass(frozen=True)
class Machine:
    """Where a training runs."""

    accelerator: str = "auto"  # Lightning Fabric's names: auto, cpu, cuda, mps
    devices: int | str = "auto"  # processes on this machine
    nodes: int = 1  # machines; torchrun starts the processes
    workers: int = 0  # loader processes of each training process; 0 = load in the training process
    precision: str | None = None  # overrides the part's own; None = the part's
    threads: int | None = None  # CPU threads of each process; None = torch's choice


def train(
    part: Part,
    faces: Faces,
    run: Path,
    files: Files,
    machine: Machine = Machine(),
    *,
    seconds: float | None = None,
    start: Path | None = None,
) -> int:
    """Train `part` in the folder `run`, from its checkpoint if there is one; images seen when it ends.

    Without a checkpoint it begins with the snapshots in the folder `start`, if given: shipped networks and their
    count of images go on, discriminators and optimisers begin anew.

    Ends when the last stage is full, after `seconds`, or at SIGINT or SIGTERM; in each case the state is saved, and
    the same call goes on from there. On one CPU, with the same number of threads, a resumed run equals an unbroken
    one to the bit.
    """
    if machine.threads:
        torch.set_num_threads(machine.threads)
    precision: Any = machine.precision or part.precision
    fabric = Fabric(
        accelerator=machine.accelerator, devices=machine.devices, num_nodes=machine.nodes, precision=precision
    )
    fabric.launch()
    fabric.seed_everything(part.seed, verbose=False)
    run.mkdir(parents=True, exist_ok=True)

    # Networks, their averages, and the state to resume from.
    step = part.build(files)
    if fabric.is_global_zero:
        say_what_is_left_out(part, step)
    averages = {name: copy.deepcopy(step.networks[name]).eval().requires_grad_(False) for name in step.shipped}
    images_seen = resume(run / "checkpoint.pt", part, step, averages)
    if start is not None and not (run / "checkpoint.pt").is_file():
        images_seen = begin_with(start, step, averages)
    distribute(fabric, step, averages)
    if fabric.is_global_zero:
        drop_later_lines(run / "metrics.jsonl", images_seen)

    total_images = part.stages[-1].until_images
    bar = tqdm(total=total_images, initial=images_seen, unit="image", desc=part.name, disable=not fabric.is_global_zero)
    ends_at_seconds = math.inf if seconds is None else time.monotonic() + seconds
    figures: dict[str, list[Tensor]] = {}
    reported = (time.monotonic(), images_seen)
    row: Iterator[Batch] | None = None
    row_stage: Stage | None = None
    stopped = False
    with stop_signals() as asked_to_stop:
        while images_seen < total_images and not stopped:
            # One batch of the present stage.
            stage = stage_at(part, images_seen)
            if row is None or row_stage is not stage:
                row, row_stage = stage_batches(part, stage, faces, images_seen, fabric, machine), stage
            batch = next(row).to(fabric.device)
            set_learning_rates(step, part, images_seen)
            step.phase = stage.phase

            # Every update of it.
            with fabric.autocast():
                losses = step.update(batch)
            average(part, step, averages, stage.batch_size)
            images_seen += stage.batch_size
            bar.update(stage.batch_size)
            for name, value in losses.items():
                figures.setdefault(name, []).append(value)

            # What is written down.
            if due(images_seen, part.report_every_images, stage.batch_size):
                now = time.monotonic()
                rate = (images_seen - reported[1]) / max(now - reported[0], 1e-9)
                report(fabric, run, images_seen, figures, rate, bar)
                figures, reported = {}, (now, images_seen)
            if due(images_seen, part.sheet_every_images, stage.batch_size):
                write_sheet(fabric, part, stage, step, averages, faces, run / "sheets" / f"{images_seen:09d}.png")
            stopped = bool(asked_to_stop) or time.monotonic() > ends_at_seconds
            stopped = agree(fabric, stopped)
            last = stopped or images_seen >= total_images
            if last or due(images_seen, part.checkpoint_every_images, stage.batch_size):
                save(fabric, run, part, step, averages, images_seen)
    bar.close()
    return images_seen


def say_what_is_left_out(part: Part, step: Step) -> None:
    """A line for each frozen network that the step's losses could use and the user did not name."""
    for name, words in FROZEN.items():
        if hasattr(step, name) and getattr(step, name) is None:
            print(f"{part.name}: no {words} given (--{name}): the losses that need one are left out")


def stage_at(part: Part, images_seen: int) -> Stage:
    """The stage that image number `images_seen` belongs to."""
    return next(stage for stage in part.stages if images_seen < stage.until_images)


def stage_batches(
    part: Part, stage: Stage, faces: Faces, images_seen: int, fabric: Fabric, machine: Machine
) -> Iterator[Batch]:
    """This process's share of the row of batches from `images_seen` on."""
    share, rest = divmod(stage.batch_size, fabric.world_size)
    if rest or not share:
        raise RecipeError(
            f"part {part.name}: a batch of {stage.batch_size} cannot be shared by {fabric.world_size} processes"
        )
    stream = FaceStream(
        faces,
        stage.holes or part.holes,
        pixels=stage.pixels,
        seed=part.seed,
        jitter=part.jitter,
        window_pixels=stage.window_pixels,
        parsing_classes=part.parsing_classes,
    )
    return batches(
        stream,
        start=images_seen,
        batch_size=share,
        workers=machine.workers,
        rank=fabric.global_rank,
        world=fabric.world_size,
    )


def distribute(fabric: Fabric, step: Step, averages: dict[str, nn.Module]) -> None:
    """Move everything to the device and wrap it for the precision and for several processes."""
    for name, network in step.networks.items():
        names = [key for key in step.optimizers if key == name]
        if names:
            step.networks[name], step.optimizers[name] = fabric.setup(network, step.optimizers[name])
        else:
            step.networks[name] = fabric.setup_module(network)
    for network in averages.values():
        fabric.to_device(network)
    for name in FROZEN:
        frozen = getattr(step, name, None)
        if isinstance(frozen, nn.Module):
            fabric.to_device(frozen)
    step.backward = fabric.backward


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
    """Whether the last batch crossed a multiple of `every_images`."""
    return images_seen // every_images > (images_seen - batch_size) // every_images


def report(
    fabric: Fabric, run: Path, images_seen: int, figures: dict[str, list[Tensor]], rate: float, bar: Any
) -> None:
    """A line in metrics.jsonl: means since the last line, over all processes."""
    means = {
        name: float(all_reduced(fabric, torch.stack(values).float().mean(), "mean")) for name, values in figures.items()
    }
    if fabric.is_global_zero:
        line = {"images_seen": images_seen, "images_per_second": round(rate, 3), **means}
        with (run / "metrics.jsonl").open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        bar.set_postfix({name: f"{value:.3g}" for name, value in means.items()}, refresh=False)
    wrong = [name for name, value in means.items() if not math.isfinite(value)]
    if wrong:
        raise RecipeError(f"{', '.join(wrong)} is no longer finite at {images_seen} images; lower the learning rate")


def write_sheet(
    fabric: Fabric, part: Part, stage: Stage, step: Step, averages: dict[str, nn.Module], faces: Faces, path: Path
) -> None:
    """The same faces and holes each time, seen by the averaged networks."""
    if not fabric.is_global_zero:
        return
    stream = FaceStream(
        faces, part.holes, pixels=stage.pixels, seed=part.seed + 1, parsing_classes=part.parsing_classes
    )
    batch = collate([stream[position] for position in range(part.sheet_faces)]).to(fabric.device)
    with torch.no_grad():
        pictures = step.sheet(averages, batch)
    rows = pictures.float().clamp(0, 1).mul(255).round().byte().cpu()
    sheet = rows.permute(0, 3, 1, 4, 2).reshape(rows.shape[0] * rows.shape[3], -1, 3).numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(np.ascontiguousarray(sheet), cv2.COLOR_RGB2BGR)):
        raise OSError(f"{path} could not be written")


def save(fabric: Fabric, run: Path, part: Part, step: Step, averages: dict[str, nn.Module], images_seen: int) -> None:
    """The checkpoint, then the snapshots."""
    if fabric.is_global_zero:
        state = {
            "part": part.name,
            "images_seen": images_seen,
            "networks": {name: network.state_dict() for name, network in step.networks.items()},
            "averages": {name: network.state_dict() for name, network in averages.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in step.optimizers.items()},
            "rng": torch.get_rng_state(),
        }
        save_checkpoint(run / "checkpoint.pt", state)
        frozen = step.freeze({name: copy.deepcopy(network) for name, network in averages.items()})
        for name, tensors in frozen.items():
            metadata = {"part": part.name, "network": name, "images_seen": str(images_seen)}
            save_snapshot(run / f"{name}.safetensors", tensors, metadata)
    fabric.barrier()


def resume(path: Path, part: Part, step: Step, averages: dict[str, nn.Module]) -> int:
    """Load the checkpoint into networks, averages and optimisers; images seen, 0 without a checkpoint."""
    if not path.is_file():
        return 0
    state = load_checkpoint(path)
    if state.get("part") != part.name:
        raise CheckpointError(f"{path} belongs to part {state.get('part')!r}, not {part.name!r}")
    try:
        for name, network in step.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, network in averages.items():
            network.load_state_dict(state["averages"][name])
        for name, optimizer in step.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
    except (RuntimeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is of another recipe: {error}") from error
    torch.set_rng_state(state["rng"])
    return int(state["images_seen"])


def begin_with(folder: Path, step: Step, averages: dict[str, nn.Module]) -> int:
    """Load NAME.safetensors of every shipped network; images seen, by their metadata."""
    images_seen = 0
    for name in step.shipped:
        state, metadata = load_snapshot(folder / f"{name}.safetensors")
        try:
            load_folded_state(step.networks[name], state)
        except RuntimeError as error:
            raise CheckpointError(f"{folder / name}.safetensors is of another network: {error}") from error
        averages[name].load_state_dict(step.networks[name].state_dict())
        images_seen = int(metadata["images_seen"])
    return images_seen


def drop_later_lines(path: Path, images_seen: int) -> None:
    """Forget report lines after the checkpoint that is resumed from."""
    if path.is_file():
        lines = [line for line in path.read_text().splitlines() if line.endswith("}")]
        kept = [line for line in lines if json.loads(line)["images_seen"] <= images_seen]
        path.write_text("".join(f"{line}\n" for line in kept))


def agree(fabric: Fabric, stop: bool) -> bool:
    """Whether any process wants to stop."""
    if fabric.world_size == 1:
        return stop
    return bool(all_reduced(fabric, torch.tensor(float(stop), device=fabric.device), "sum") > 0)


def all_reduced(fabric: Fabric, value: Tensor, operation: str) -> Tensor:
    """`value` over all processes: "mean" or "sum"."""
    reduced = fabric.all_reduce(value, reduce_op=operation)
    assert isinstance(reduced, Tensor)
    return reduced


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
