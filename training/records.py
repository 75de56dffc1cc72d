"""What the record of a training says, and in what two records differ.

A record is JSON: the recipe by name and content (options such as --batch change the content), the data and the user's
files by hash, and for each session when, with which command, versions and commit.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from training.data.faces import FaceFolder
from training.data.joined import JoinedFaces
from training.hashing import file_hash
from training.recipe import Part
from training.step import Step

PACKAGES = ("face-inpainting", "torch", "lightning", "numpy", "opencv-python-headless", "safetensors")
# The same data may be called otherwise; own values are compared as the content that they change; sessions differ.
NOT_COMPARED = {"name", "set", "sessions"}
Record = dict[str, Any]


def describe(
    recipe: str,
    part: Part,
    data: Record,
    files: Mapping[str, Path | None],
    settings: Mapping[str, str] | None = None,
) -> Record:
    """The record of one part as it is about to be trained, without its step and sessions.

    `files` are what the user brought along, by the name of their option; `settings` the own values of --set, which
    `part` has already.
    """
    return {
        "recipe": recipe,
        "part": part.name,
        "content": plain(part),
        "set": dict(settings or {}),
        "data": data,
        "files": {name: None if path is None else describe_file(path) for name, path in files.items()},
    }


def describe_data(folders: Sequence[Path], split: str, faces: FaceFolder | JoinedFaces) -> Record:
    """Which faces: folders, split, count, and the hash of all that the folders hold."""
    names = [folder.resolve().name for folder in folders]
    return {"name": ", ".join(names), "split": split, "faces": len(faces), "sha256": faces.content}


def describe_file(path: Path) -> Record:
    """A file by its content, a prepared folder by that of its faces, another folder by its files' names and sizes."""
    if not path.is_dir():
        digest = file_hash(path)
    else:
        digest = FaceFolder(path).content if (path / "faces.csv").is_file() else listing_hash(path)
    return {"name": path.name, "sha256": digest}


def listing_hash(folder: Path) -> str:
    """Over the names and sizes of the files of a folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    listed = "\n".join(f"{path.name} {path.stat().st_size}" for path in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def describe_step(step: Step) -> Record:
    """What a recipe's function has made: networks, the optimisers' own figures, weights of losses and the like."""
    others = {"networks", "optimizers", "frozen", "phase", "gradient_norms"}  # set by the loop, or told besides
    settings = {
        name: plain(value)
        for name, value in vars(step).items()
        if name not in others and not name.startswith("_") and is_plain(value)
    }
    return {
        "networks": {
            name: {"class": type(network).__name__, "parameters": sum(p.numel() for p in network.parameters())}
            for name, network in step.networks.items()
        },
        "optimizers": {
            name: {
                "class": type(optimizer).__name__,
                "groups": [plain(dict(group, params=None)) for group in optimizer.param_groups],
            }
            for name, optimizer in step.optimizers.items()
        },
        "settings": settings,
    }


def plain(value: Any) -> Any:
    """Dataclasses and containers as JSON knows them; what is no number, word or container of them is left out."""
    if is_dataclass(value):
        pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: plain(one) for name, one in pairs if is_plain(one)}
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items() if is_plain(one)}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value if is_plain(one)]
    return value


def is_plain(value: Any) -> bool:
    """Whether `plain` can say something of it."""
    return value is None or isinstance(value, bool | int | float | str | list | tuple | Mapping) or is_dataclass(value)


def session() -> Record:
    """This start of a training: when, how, with what."""
    return {
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "machine": platform.platform(),
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        "commit": commit(),
    }


def version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def commit() -> str | None:
    """Commit of this package's checkout, with `-dirty` where files differ from it; None outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.strip() or None


def differences(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """In words, where `now` differs from `before`; what only one of them knows (another version's field) is passed."""
    if isinstance(before, dict) and isinstance(now, dict):
        if before.get("sha256") != now.get("sha256"):
            yield f"{place} was {in_words(before)} and is {in_words(now)}"
            return
        for name in before:
            if name in now and name not in NOT_COMPARED:
                yield from differences(before[name], now[name], f"{place}.{name}" if place else name)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (earlier, later) in enumerate(zip(before, now, strict=True)):
            yield from differences(earlier, later, f"{place}[{number}]")
    elif before != now:
        yield f"{place} was {in_words(before)} and is {in_words(now)}"


def in_words(value: Any) -> str:
    """A value of a record, short."""
    if value is None:
        return "none"
    if isinstance(value, dict) and "sha256" in value:
        return f"{value['name']} ({value['sha256'][:8]})"
    return str(len(value)) if isinstance(value, list) else json.dumps(value)[:60]
