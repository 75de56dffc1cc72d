"""Which files belong together: a photo, its mask, and what guides its completion. Names decide."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from service.client.command.usage import BadUsage

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
# Pictures too, but of kinds that the service refuses.
FOREIGN_SUFFIXES = frozenset(
    {".heic", ".heif", ".avif", ".gif", ".tif", ".tiff", ".bmp", ".jp2", ".jxl", ".psd", ".svg"}
    | {".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf"}
)
DASH = "-"  # an argument for standard input
STANDARD_INPUT = Path("<standard input>")
MASK_ENDINGS = ("", "_mask", "-mask")  # of a.jpg: a.png, a_mask.png, a-mask.png
LANDMARK_ENDINGS = ("", "_landmarks", "-landmarks")
FACES_ENDINGS = ("", "_faces", "-faces")
REFERENCE_ENDINGS = ("", "_reference", "-reference")


@dataclass(frozen=True)
class Several:
    """The files that one argument names; `alone` when it names one file rather than a folder or a pattern."""

    argument: str
    files: tuple[Path, ...]
    alone: bool
    foreign: tuple[Path, ...] = ()  # pictures of other kinds that lie among them


@dataclass(frozen=True)
class Item:
    """One photo with what goes with it."""

    photo: Path
    mask: Path
    landmarks: Path | None = None
    reference: Path | None = None
    faces: Path | None = None


@dataclass(frozen=True)
class LeftOut:
    """A photo that is not sent, and why."""

    photo: Path
    reason: str


def named_by(argument: str, suffixes: Iterable[str] = PICTURE_SUFFIXES) -> Several:
    """The file, the files of the folder, or those that match the pattern, in the order of their names; or `-`."""
    if argument == DASH:
        return Several(argument, (STANDARD_INPUT,), alone=True)
    path = Path(argument)
    if path.is_file():
        return Several(argument, (path,), alone=True)
    if path.is_dir():
        candidates = [child for child in path.iterdir() if not child.name.startswith(".")]
    elif glob.has_magic(argument):
        candidates = [Path(name) for name in glob.glob(argument, recursive=True)]
    else:
        raise BadUsage(f"There is no file or folder {argument}.")
    candidates = sorted(file for file in candidates if file.is_file())
    files = tuple(file for file in candidates if file.suffix.lower() in suffixes)
    if not files:
        raise BadUsage(f"{argument} holds no file with one of the endings {' '.join(sorted(suffixes))}.")
    foreign = tuple(file for file in candidates if file.suffix.lower() in FOREIGN_SUFFIXES)
    return Several(argument, files, alone=False, foreign=foreign)


def paired(
    photos: Several,
    masks: Several,
    landmarks: Several | None = None,
    references: Several | None = None,
    faces: Several | None = None,
) -> tuple[list[Item], list[LeftOut]]:
    """Every photo with its own files. A file that is named alone serves every photo."""
    items: list[Item] = []
    left_out = [
        LeftOut(photo, f"{photo.suffix} is not accepted; convert it to JPEG, PNG or WEBP.") for photo in photos.foreign
    ]
    for photo in _without_masks(photos, masks):
        try:
            mask = _partner(photo, masks, MASK_ENDINGS)
            points = _partner(photo, landmarks, LANDMARK_ENDINGS) if landmarks else None
            boxes = _partner(photo, faces, FACES_ENDINGS) if faces else None
            reference = _partner(photo, references, REFERENCE_ENDINGS) if references else None
        except _NoPartner as error:
            left_out.append(LeftOut(photo, str(error)))
        else:
            items.append(Item(photo, mask, points, reference, boxes))
    return items, left_out


class _NoPartner(Exception):
    """No file of that name, or more than one."""


def _partner(photo: Path, others: Several, endings: tuple[str, ...]) -> Path:
    if others.alone:
        return others.files[0]
    names = [photo.stem + ending for ending in endings]
    found = [file for file in others.files if file.stem in names and not _same(file, photo)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _NoPartner(f"{others.argument} holds nothing named {' or '.join(f'{name}.*' for name in names)}.")
    raise _NoPartner(f"{' and '.join(map(str, found))} both go by its name.")


def _without_masks(photos: Several, masks: Several) -> list[Path]:
    """Photos and masks may lie in one folder: a file that ends like a mask, and is among the masks, is no photo."""
    if photos.alone:
        return list(photos.files)
    marked = {file.resolve() for file in masks.files if file.stem.endswith(MASK_ENDINGS[1:]) or masks.alone}
    kept = [file for file in photos.files if file.resolve() not in marked]
    if not kept:
        raise BadUsage(f"{photos.argument} holds only masks.")
    return kept


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
