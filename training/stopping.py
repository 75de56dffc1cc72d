"""A training that must stop saves first, then says at which image, why, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lightning.fabric import Fabric

from training.data.faces import DataError
from training.errors import TrainingError, describe
from training.processes import any_process
from training.recipe import Part

LOST_WORKER = "DataLoader worker"  # how torch begins to say that a loading process is gone


class StoppedError(TrainingError):
    """A training that could not go on. What it had reached is saved, unless the message says that it could not be."""


@contextmanager
def noted(troubles: list[Exception], *kinds: type[Exception]) -> Iterator[None]:
    """Put errors of these kinds into `troubles` instead of raising them, so that all processes can stop together."""
    try:
        yield
    except kinds as error:
        troubles.append(error)


def require_untroubled(fabric: Fabric, part: Part, images_seen: int, troubles: list[Exception]) -> None:
    """StoppedError in every process if one of them is in trouble; a fault of this package is raised as it is."""
    if not any_process(fabric, bool(troubles)):
        return
    cause = troubles[0] if troubles else None
    if cause is not None and not foreseen(cause):
        raise cause
    reason = "another process has said why" if cause is None else in_words(cause)
    changed = ", with --force where the data is other than before" if isinstance(cause, DataError) else ""
    raise StoppedError(
        f"{part.name} stopped at {images_seen:,} of {part.stages[-1].until_images:,} images: {reason}. "
        f"When that is mended, the same command goes on{changed}"
    ) from cause


def foreseen(error: Exception) -> bool:
    """Whether a user can put it right."""
    return isinstance(error, TrainingError | OSError) or str(error).startswith(LOST_WORKER)


def in_words(error: Exception) -> str:
    """The reason in one line. Of an error of a loading process, whose whole traceback is the message, the last line."""
    if isinstance(error, OSError):
        return describe(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    name, _, reason = lines[-1].partition(": ")
    return reason if len(lines) > 1 and name.endswith(type(error).__name__) else "; ".join(lines)
