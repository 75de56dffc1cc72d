"""Whole systems run as the engine runs them: the models of a repository, bytes in, bytes out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.checkpoint import load_snapshot
from training.errors import TrainingError
from training.given import System
from training.hashing import file_hash
from training.papers import DEPLOYED, SYSTEMS
from training.precision import PRECISIONS, best_precision, lower, shortfall
from training.signature import read_config


class OpeningError(TrainingError):
    """A system or model that cannot be opened; the message says which and why."""


@dataclass(frozen=True)
class Repository:
    """Where models come from: snapshots run eagerly, or with `exported` the TorchScript that the engine serves."""

    folder: Path
    snapshots: dict[str, Path]  # model -> file to take instead of the repository's
    exported: bool = False
    device: str = "cpu"
    precision: str = "float32"  # of snapshots; auto = as an export would have it; an export has its own

    def open(self, model: str) -> nn.Module:
        """A leaf model in evaluation mode. Raises OpeningError or CheckpointError."""
        return self._open_export(model) if self.exported else self._open_snapshot(model)

    def file(self, model: str) -> Path:
        """Where a model's weights come from."""
        if self.exported:
            return self.folder / model / "1" / "model.pt"
        return self.snapshots.get(model, self.folder / model / "snapshot.safetensors")

    def fingerprints(self, models: Sequence[str]) -> dict[str, str]:
        """sha256 of the file behind each model."""
        return {model: file_hash(self.file(model)) for model in models}

    def parameters(self, model: str) -> dict[str, str]:
        """What config.pbtxt says, or has to say, about the model: a parser's class names."""
        if self.exported:
            declared = read_config(self.folder / model).parameters
            return {name: declared[name].string_value for name in declared}
        state, _ = load_snapshot(self.file(model))
        try:
            return DEPLOYED[model].describe(state)
        except (KeyError, IndexError) as error:
            raise OpeningError(f"{self.file(model)} does not fit {model}: {error}") from error

    def _open_snapshot(self, model: str) -> nn.Module:
        state, _ = load_snapshot(self.file(model))
        try:
            module = DEPLOYED[model].load(state)
        except RuntimeError as error:
            raise OpeningError(f"{self.file(model)} does not fit {model}: {error}") from error
        return quick(module, model, self.precision).to(self.device)

    def _open_export(self, model: str) -> nn.Module:
        path = self.file(model)
        if not path.is_file():
            raise OpeningError(f"{path} is missing; training.export makes it")
        try:
            load: Callable[..., nn.Module] = torch.jit.load
            return load(path, map_location=self.device).eval()
        except RuntimeError as error:
            reason = str(error).strip().partition("\n")[0]
            raise OpeningError(f"{path} is no TorchScript file: {reason}") from error


def read_snapshots(pairs: list[str] | None) -> dict[str, Path]:
    """`MODEL=FILE` of --snapshot. Raises OpeningError."""
    snapshots = {}
    for pair in pairs or []:
        model, equals, file = pair.partition("=")
        if not equals or model not in DEPLOYED:
            raise OpeningError(f"--snapshot {pair}: write MODEL=FILE, MODEL one of {', '.join(DEPLOYED)}")
        snapshots[model] = Path(file)
    return snapshots


def quick(module: nn.Module, model: str, precision: str) -> nn.Module:
    """The module in channels-last, which CPUs and CUDA compute without copies, and in a precision.

    `auto` takes what an export would: the processor's, unless drawn faces come out too far from float32.
    """
    move: Any = module.to  # torch gives this use no type
    laid: nn.Module = move(memory_format=torch.channels_last)
    auto = precision == "auto"
    chosen = best_precision(torch.cuda.is_available(), torch.cpu.get_capabilities()) if auto else precision
    if chosen == "float32":
        return laid
    lowered = copy.deepcopy(laid)
    lower(lowered, PRECISIONS[chosen], DEPLOYED[model].float32)
    return laid if auto and shortfall(laid, lowered, DEPLOYED[model], chosen) else lowered


def open_system(name: str, repository: Repository) -> System:
    """A system by name. Raises OpeningError or CheckpointError."""
    require_system(name)
    return SYSTEMS[name](repository.open)


def opened(name: str) -> tuple[str, ...]:
    """The models that a system runs: those that building it opens. Raises OpeningError."""
    require_system(name)
    models: list[str] = []

    def note(model: str) -> nn.Module:
        models.append(model)
        return nn.Identity()

    SYSTEMS[name](note)
    return tuple(models)


def frame_pixels(name: str) -> int:
    """The side of the face frame that a system sees: that of its models' first input. Raises OpeningError."""
    return DEPLOYED[opened(name)[0]].inputs[0].shape[-1]


def require_system(name: str) -> None:
    """OpeningError unless a room has a system of this name."""
    if name not in SYSTEMS:
        raise OpeningError(f"unknown model {name!r}; there are {', '.join(SYSTEMS)}")


def about(name: str, repository: Repository) -> dict[str, object]:
    """What a report of figures says of the system that they belong to."""
    return {
        "model": name,
        "frame_pixels": frame_pixels(name),
        "weights": repository.fingerprints(opened(name)),
    }
