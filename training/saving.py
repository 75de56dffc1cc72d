"""The state of a training to its run folder and back, and the snapshots that another training begins with."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from training.checkpoint import (
    CheckpointError,
    DiskFullError,
    load_checkpoint,
    load_snapshot,
    save_checkpoint,
    save_snapshot,
)
from training.keeping import BEST, BEST_BY, BEST_ERROR, NONE, Keep, best_error, keep_numbered
from training.processes import any_process
from training.recipe import Part, RecipeError, stage_at
from training.step import Step
from training.stopping import noted, require_untroubled


def save(
    fabric: Fabric,
    run: Path,
    part: Part,
    step: Step,
    averages: dict[str, nn.Module],
    images_seen: int,
    keep: Keep = NONE,
) -> None:
    """The checkpoint, then the snapshots, of which some stay.

    RecipeError instead, and the last ones stay, if anything is not finite; StoppedError if they cannot be written.
    """
    require_finite_state(fabric, step, images_seen)
    troubles: list[Exception] = []
    if fabric.is_global_zero:
        state = {
            "part": part.name,
            "images_seen": images_seen,
            "networks": {name: network.state_dict() for name, network in step.networks.items()},
            "averages": {name: network.state_dict() for name, network in averages.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in step.optimizers.items()},
        }
        with noted(troubles, OSError, DiskFullError):
            save_checkpoint(run / "checkpoint.pt", state)
            save_snapshots(run, part, step, averages, images_seen, {})
            keep_numbered(run, step.shipped, images_seen, part.checkpoint_every_images, keep)
    require_untroubled(fabric, part, images_seen, troubles)


def save_best(
    run: Path,
    part: Part,
    step: Step,
    averages: dict[str, nn.Module],
    images_seen: int,
    error: float,
) -> bool:
    """The snapshots to best/, if they have the lowest error so far, and whether they have. Raises DiskFullError."""
    if not error < best_error(run, step.shipped, part.best_by):
        return False
    save_snapshots(run / BEST, part, step, averages, images_seen, {BEST_BY: part.best_by, BEST_ERROR: repr(error)})
    return True


def save_snapshots(
    folder: Path,
    part: Part,
    step: Step,
    averages: dict[str, nn.Module],
    images_seen: int,
    more: dict[str, str],
) -> None:
    """The averaged networks as they are shipped; metadata say of which part they are, what they have seen, and more."""
    pixels = stage_at(part, min(images_seen, part.stages[-1].until_images) - 1).pixels  # of the face frame
    for name, tensors in step.freeze({key: copy.deepcopy(network) for key, network in averages.items()}).items():
        metadata = {"part": part.name, "network": name, "images_seen": str(images_seen), "pixels": str(pixels)}
        save_snapshot(folder / f"{name}.safetensors", tensors, metadata | more)


def require_finite_state(fabric: Fabric, step: Step, images_seen: int) -> None:
    """RecipeError in every process if a weight, buffer or optimiser's state of any is not finite."""
    wrong = [name for name, network in step.networks.items() if not finite(network.state_dict().values())]
    wrong += [
        name for name, one in step.optimizers.items() for state in one.state.values() if not finite(state.values())
    ]
    if any_process(fabric, bool(wrong)):
        raise RecipeError(
            f"weights of {', '.join(dict.fromkeys(wrong))} are no longer finite at {images_seen} images; "
            "lower the learning rate"
        )


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
            load_optimizer(optimizer, state["optimizers"][name])
    except (RuntimeError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is of another recipe: {error}") from error
    return int(state["images_seen"])


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """What an optimiser has gathered; its rates and the like stay the recipe's, also where --force changes them."""
    own = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, options in zip(optimizer.param_groups, own, strict=True):
        group.pop("initial_lr", None)
        group.update(options)


def begin_with(start: Path, part: Part, step: Step, averages: dict[str, nn.Module]) -> tuple[int, list[str]]:
    """Load the snapshots that `start` has: images seen, and the shipped networks that it has none of.

    Images are counted by the snapshots' metadata. They are 0 where that does not say it, where a network begins
    untrained, or where they have seen all that the part would show: then its stages begin anew. Raises CheckpointError.
    """
    images_seen = 0
    found = snapshots_of(start / part.name if (start / part.name).is_dir() else start, step)
    for name, path in found.items():
        state, metadata = load_snapshot(path)
        try:
            step.thaw(name, state)
        except RuntimeError as error:
            raise CheckpointError(f"{path} is of another network: {error}") from error
        averages[name].load_state_dict(step.networks[name].state_dict())
        images_seen = int(metadata.get("images_seen", 0))
    untrained = [name for name in step.shipped if name not in found]
    return images_seen if images_seen < part.stages[-1].until_images and not untrained else 0, untrained


def snapshots_of(start: Path, step: Step) -> dict[str, Path]:
    """Network -> its snapshot: every NAME.safetensors of a part's folder; else that of a model's folder, or `start`.

    A single snapshot is of the network that it shares most names of weights with. Raises CheckpointError.
    """
    named = {name: start / f"{name}.safetensors" for name in step.shipped}
    if there := {name: path for name, path in named.items() if path.is_file()}:
        return there
    single = snapshot_of(start, step.shipped[0])
    state, own = load_snapshot(single)[0], step.freeze(step.networks)
    return {max(step.shipped, key=lambda name: len(own[name].keys() & state.keys())): single}


def snapshot_of(start: Path, name: str) -> Path:
    """The snapshot of a network: `start` itself, NAME.safetensors of a run folder, or that of a model's folder."""
    places = [start / f"{name}.safetensors", start / "snapshot.safetensors"] if start.is_dir() else [start]
    return next((path for path in places if path.is_file()), places[0])


def finite(values: Iterable[object]) -> bool:
    """Whether every number in the tensors among `values` is."""
    return all(bool(value.isfinite().all()) for value in values if isinstance(value, Tensor))
