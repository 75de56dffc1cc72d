"""Options that several commands of the training package share, and how their words are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import torch
import typer

from training.blending import BLENDS
from training.data.holes import make_hole
from training.errors import OptionError

Value = TypeVar("Value")

SHIPPED_REPOSITORY = Path("model_repository")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"face-inpainting {_version()}")
        raise typer.Exit


def _version() -> str:
    """Of the installed package; a plain checkout has none."""
    try:
        return version("face-inpainting")
    except PackageNotFoundError:
        return "0+checkout"


Version = Annotated[
    bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and end.")
]
DataFolder = Annotated[Path, typer.Option(help="Prepared folder: images/, landmarks.npy, faces.csv.")]
DataFolders = Annotated[list[Path], typer.Option("--data", help="Prepared folder; may be repeated: one after another.")]
Split = Annotated[str, typer.Option(help="Which faces: train, validation, test or all.")]
Count = Annotated[int | None, typer.Option(help="Only the first faces.", min=1)]
RepositoryFolder = Annotated[Path, typer.Option(help="Model repository: one folder per model, with config.pbtxt.")]
Snapshots = Annotated[
    list[str] | None, typer.Option("--snapshot", help="MODEL=FILE: take these weights instead; may be repeated.")
]
Device = Annotated[str, typer.Option(help="cpu, cuda, ...; auto takes CUDA if it is there.")]
BatchSize = Annotated[int, typer.Option(help="Faces at once.", min=1)]
Holes = Annotated[str, typer.Option(help="Kinds, joined by commas: 20-40 (percent), center, eyes, 24px, O1 ...")]
Seed = Annotated[int, typer.Option(help="Of everything random; the same seed makes the same holes.", min=0)]
BlendName = Annotated[str, typer.Option(help=f"How the model's picture is put into the hole: {', '.join(BLENDS)}.")]
Output = Annotated[Path | None, typer.Option(help="Write the figures as JSON.")]
ACCELERATORS = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")  # Lightning Fabric's names; weights stay float32

Accelerator = Annotated[str, typer.Option(help=f"One of {', '.join(ACCELERATORS)}.")]
Precision = Annotated[str, typer.Option(help=f"One of {', '.join(PRECISIONS)}; auto = by what the processor has.")]
SketchesFile = Annotated[
    Path | None,
    typer.Option(
        "--sketches",
        "--masks",
        help="Of training.prepare quickdraw, for holes of that kind, or irregular, for irregular and ratio buckets.",
    ),
]
IDENTITY_FILE = typer.Option(help="TorchScript, pictures to embeddings [B,D], for identities.")
IdentityRange = Annotated[str, typer.Option(help="Values that network takes: -1..1 or 0..1.")]
IdentityAlignment = Annotated[
    str, typer.Option(help="How it wants faces: frame (it resizes), or arcface (112 px, five points in place).")
]


def pick(table: Mapping[str, Value], name: str, what: str) -> Value:
    """An entry of a table by name. Raises OptionError that lists the names."""
    require(name, table, what)
    return table[name]


def require(name: str, names: Iterable[str], what: str) -> None:
    """OptionError unless the name is one of those there are."""
    known = list(names)
    if name not in known:
        raise OptionError(f"unknown {what} {name!r}; there are {', '.join(known)}")


def read_kinds(text: str) -> list[str]:
    """`20-40,center` of --holes to kinds of holes. Raises OptionError or HoleError before anything is computed."""
    kinds = [kind.strip() for kind in text.split(",") if kind.strip()]
    if not kinds:
        raise OptionError("--holes names no kind")
    for kind in kinds:
        make_hole(kind, np.random.default_rng(0), 32, np.full((68, 2), 16, np.float32))
    return kinds


def open_device(name: str) -> str:
    """A device that holds a tensor, by name; `auto` is CUDA where there is one. Raises OptionError."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:  # torch has no type of its own for it
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        raise OptionError(f"device {name!r} cannot be used here: {reason}") from error
    return name


def read_devices(text: str) -> int | str:
    """`auto`, or how many processes to start on this machine. Raises OptionError."""
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) == 0:
        raise OptionError(f"--devices {text}: write auto, or a count of 1 or more")
    return int(text)


def check_arithmetic(accelerator: str, precision: str) -> None:
    """OptionError unless Lightning Fabric has both, and this machine the accelerator."""
    require(accelerator, ACCELERATORS, "accelerator")
    open_device(accelerator)
    require(precision, PRECISIONS, "precision")
