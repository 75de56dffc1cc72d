"""Files of a run: the checkpoint to resume from, the snapshot to ship.

Both are written beside their place and then renamed, so a kill at any moment leaves the last good file.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from training.errors import TrainingError


class CheckpointError(TrainingError):
    """A file that cannot be loaded; the message names it and says why."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `path`, flush it to disk, then put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.chmod(0o644)  # safetensors writes for the owner alone; an engine may run as another user
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Everything needed to go on: tensors, numbers, strings in dictionaries."""
    write_atomically(path, lambda beside: torch.save(dict(state), beside))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; nothing in it is executed."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise CheckpointError(f"{path} is not a checkpoint of this package: {error}") from error


def save_snapshot(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], *, half: bool = True) -> None:
    """Weights alone, floats in half precision unless `half` is off; metadata are strings (recipe, images seen)."""
    stored = {
        key: (tensor.half() if half and tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for key, tensor in tensors.items()
    }
    write_atomically(path, lambda beside: save_file(stored, beside, dict(metadata)))


def load_snapshot(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors (floats as float32) and metadata of a snapshot."""
    if not path.is_file():
        raise CheckpointError(f"there is no snapshot at {path}")
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = dict(stored.metadata() or {})
            tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    return {key: t.float() if t.is_floating_point() else t for key, t in tensors.items()}, metadata
