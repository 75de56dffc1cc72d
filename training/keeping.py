"""Snapshots that stay beside the newest: the last ones, every so many, and the best.

    RUN/PART/NAME.safetensors                      the newest
    RUN/PART/snapshots/000012000/NAME.safetensors  those of --keep and --keep-every, by images seen
    RUN/PART/best/NAME.safetensors                 those with the lowest error on the validation faces

Each folder can be named where a run's or a model's can: `--start RUN/PART/best`; `training.export --run RUN --from
best` takes the best of all parts.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from training.checkpoint import load_metadata, write_atomically

NUMBERED, BEST = "snapshots", "best"
BEST_BY, BEST_ERROR = "best_by", "best_error"  # metadata of the snapshots in best/


@dataclass(frozen=True)
class Keep:
    """Which snapshots stay."""

    last: int = 0  # numbered ones
    every: int = 0  # of those that are saved as the recipe says, each so many-th stays for good; 0 = none


NONE = Keep()


def keep_numbered(folder: Path, names: Iterable[str], images_seen: int, interval_images: int, keep: Keep) -> None:
    """Copy the newest snapshots of a part's folder, then remove those that need not stay. Raises DiskFullError."""
    if keep == NONE:
        return
    target = folder / NUMBERED / f"{images_seen:09d}"
    for name in names:
        copy(folder / f"{name}.safetensors", target / f"{name}.safetensors")
    there = sorted(path for path in target.parent.iterdir() if path.name.isdecimal())
    kept = staying([int(path.name) for path in there], interval_images, keep)
    for path in there:
        if int(path.name) not in kept:
            shutil.rmtree(path)


def copy(source: Path, target: Path) -> None:
    write_atomically(target, lambda beside: shutil.copyfile(source, beside))


def staying(seen: list[int], interval_images: int, keep: Keep) -> set[int]:
    """Of snapshots after so many images each, rising, those that stay: the last, and the first beyond each multiple."""
    kept = set(seen[-keep.last :]) if keep.last else set[int]()
    if keep.every:
        length = keep.every * interval_images
        first = {images // length: images for images in reversed(seen)}
        kept |= {images for multiple, images in first.items() if multiple}
    return kept


def best_error(folder: Path, names: Iterable[str], figure: str) -> float:
    """The lowest error so far, by that figure; infinite where nothing was kept by it."""
    files = [folder / BEST / f"{name}.safetensors" for name in names]
    if not all(file.is_file() for file in files):
        return math.inf
    told = [load_metadata(file) for file in files]
    return max(float(one[BEST_ERROR]) if one.get(BEST_BY) == figure else math.inf for one in told)
