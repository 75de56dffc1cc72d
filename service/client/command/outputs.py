"""Where completed pictures go, and how they are written: whole or not at all, and over nothing that exists."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.client.command.pairs import DASH, STANDARD_INPUT, Item, LeftOut
from service.client.command.usage import BadUsage, Format

FORMAT_OF_SUFFIX: dict[str, Format] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
SUFFIX_OF_FORMAT: dict[Format, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


@dataclass(frozen=True)
class Destination:
    """What `-o` means: one file, a folder in which every photo keeps its name, or standard output."""

    path: Path
    is_folder: bool
    format: Format
    is_output: bool = False  # standard output; the path means nothing then

    def files(self, photo: Path, samples: int) -> list[Path]:
        """The files of a photo's samples; numbered from 1 when there are several."""
        one = self.path / (photo.stem + SUFFIX_OF_FORMAT[self.format]) if self.is_folder else self.path
        if samples == 1:
            return [one]
        return [one.with_name(f"{one.stem}-{number}{one.suffix}") for number in range(1, samples + 1)]


def destination(out: str, wanted: Format | None, *, many: bool) -> Destination:
    """Read `-o`. `many`: the photos were named by a folder or a pattern."""
    if out == DASH:
        return _standard_output(wanted, many=many)
    path = Path(out)
    _require_folders(path.parent)
    if path.is_dir() or many or out.endswith(("/", os.sep)):
        if path.exists() and not path.is_dir():
            raise BadUsage(f"{out} is a file; several photos need a folder.")
        return Destination(path, is_folder=True, format=wanted or "png")
    told = FORMAT_OF_SUFFIX.get(path.suffix.lower())
    if told is None:
        raise BadUsage(f"{out} must end in {', '.join(FORMAT_OF_SUFFIX)}, or in / if it is to be a folder.")
    if wanted not in (None, told):
        raise BadUsage(f"{out} and --format {wanted} say different things.")
    return Destination(path, is_folder=False, format=told)


def _standard_output(wanted: Format | None, *, many: bool) -> Destination:
    if many:
        raise BadUsage("Several photos need a folder; -o - takes one.")
    return Destination(Path(DASH), is_folder=False, format=wanted or "png", is_output=True)


def _require_folders(path: Path) -> None:
    """What exists of a path must be folders."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if not there.is_dir():
        raise BadUsage(f"{there} is a file, not a folder.")


def require_distinct(target: Destination, items: Sequence[Item], samples: int) -> None:
    """No two photos may end in one file, and none in a file that is sent; only a file can hold several samples."""
    if target.is_output:
        if samples > 1:
            raise BadUsage("-o - takes one picture; several samples need files.")
        return
    if target.is_folder and any(item.photo == STANDARD_INPUT for item in items):
        raise BadUsage("A photo from standard input has no name; give the file to write.")
    sent = {file.resolve(): file for item in items for file in (item.photo, item.mask, item.reference) if file}
    taken: dict[Path, Path] = {}
    for item in items:
        for file in target.files(item.photo, samples):
            if file.resolve() in sent:
                raise BadUsage(f"{file} would take the place of {sent[file.resolve()]}, which is sent.")
            if file in taken:
                raise BadUsage(f"{taken[file]} and {item.photo} would both become {file}.")
            taken[file] = item.photo


def free(target: Destination, items: Sequence[Item], samples: int, *, force: bool) -> tuple[list[Item], list[LeftOut]]:
    """The items whose files do not exist yet, or all with `force`; and those that are left out."""
    if target.is_output:
        return list(items), []
    taken = {item.photo: file for item in items for file in target.files(item.photo, samples) if file.exists()}
    if force:
        return list(items), []
    left_out = [LeftOut(photo, f"{file} exists; --force overwrites it.") for photo, file in taken.items()]
    return [item for item in items if item.photo not in taken], left_out


def write_out(data: bytes) -> None:
    """The picture to standard output. Raises OSError."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def write(file: Path, data: bytes, *, force: bool) -> None:
    """Write all of `data` under that name, or leave it alone. Raises OSError; unless `force`, FileExistsError too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        if force:
            part.replace(file)
        else:
            _link(part, file)
    finally:
        part.unlink(missing_ok=True)


def _link(part: Path, file: Path) -> None:
    """Give the finished file its name only if the name is free. Where links cannot be made, look first."""
    try:
        os.link(part, file)
    except FileExistsError:
        raise
    except OSError:
        if file.exists():
            raise FileExistsError(f"{file} exists") from None
        part.rename(file)
