"""Files of a run: the checkpoint to resume from, the snapshot to ship.

Both are written beside their place and then renamed, so a kill at any moment leaves the last good file.
"""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from training.errors import TrainingError


class CheckpointError(TrainingError):
    """A file that cannot be loaded; the message names it and says why."""


class DiskFullError(CheckpointError):
    """There is no room for a file (or a quota or limit forbids it); the message names it. What stood there stays."""


FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `path`, flush it to disk, then put it in place in one step.

    Raises DiskFullError when there is no room for it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(beside)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.chmod(0o644)  # an engine may run as another user than the one who trains
        beside.replace(path)
        flush_folder(path.parent)
    except Exception as error:  # torch wraps what the operating system says
        full = next((cause for cause in causes(error) if isinstance(cause, OSError) and cause.errno in FULL), None)
        if full is None:
            raise
        raise DiskFullError(f"the disk is full: {path} could not be written ({full.strerror})") from error
    finally:
        beside.unlink(missing_ok=True)


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those it was raised for, or in the handling of."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def flush_folder(folder: Path) -> None:
    """See to it that a rename in a folder outlasts a power cut, where the file system lets folders be flushed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Everything needed to go on: tensors, numbers, strings in dictionaries. Raises DiskFullError."""

    def write(beside: Path) -> None:
        with beside.open("wb") as file:  # torch's own file writer does not say why a write failed
            torch.save(dict(state), file)

    write_atomically(path, write)


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
    write_atomically(path, lambda beside: beside.write_bytes(to_safetensors(stored, dict(metadata))))


def load_snapshot(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors (floats as float32) and metadata of a snapshot."""
    with opened(path) as stored:
        metadata = dict(stored.metadata() or {})
        tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118 (no mapping)
    return {key: t.float() if t.is_floating_point() else t for key, t in tensors.items()}, metadata


def load_metadata(path: Path) -> dict[str, str]:
    """What a snapshot says of itself, without its tensors."""
    with opened(path) as stored:
        return dict(stored.metadata() or {})


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A safetensors file to read from. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"there is no snapshot at {path}")
    try:
        with safe_open(path, framework="pt") as stored:
            yield stored
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
