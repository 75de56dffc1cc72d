"""Train a recipe: python -m training.train RECIPE --data FOLDER --run FOLDER. The same command resumes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from training.augmentation import augmentation
from training.data.drawings import open_drawings
from training.data.faces import Faces, has_split
from training.data.joined import open_faces
from training.errors import one_line
from training.events import require_tensorboard
from training.frozen.parsers import FaceParser
from training.frozen.scripted import ScriptedParser, is_torchscript
from training.keeping import Keep
from training.loop import train
from training.machine import Machine
from training.options import (
    Accelerator,
    DataFolders,
    Precision,
    SketchesFile,
    Split,
    Version,
    check_arithmetic,
    pick,
    read_devices,
)
from training.papers import RECIPES
from training.papers.finder.sources import SceneFaces
from training.papers.parser.serving import open_parser
from training.processes import part_ways
from training.program import Program
from training.recipe import Files, Part
from training.records import Record, describe, describe_data
from training.runs import opened
from training.settings import Settings, read_settings, with_settings

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # which of several processes this is, as launchers say it

app = Program("training.train")


@app.command()
@one_line("training.train")
def main(
    recipe: Annotated[str, typer.Argument(help=f"One of: {', '.join(RECIPES)}.")],
    data: DataFolders,
    run: Annotated[Path, typer.Option(help="Run folder: checkpoints, snapshots, metrics.jsonl, sheets/, best/.")],
    part: Annotated[str | None, typer.Option(help="Train this part alone; default: all, one after another.")] = None,
    features: Annotated[
        Path | None, typer.Option(help="VGG-16, VGG-19 or SqueezeNet 1.1 weights for perceptual and style losses.")
    ] = None,
    parser: Annotated[
        Path | None, typer.Option(help="Snapshot of the parser, or TorchScript from RGB in [0,1] to class logits.")
    ] = None,
    coarse: Annotated[
        Path | None, typer.Option(help="Snapshot of ShowFace's coarse network; default: this run's.")
    ] = None,
    inco2: Annotated[
        Path | None, typer.Option(help="Snapshot of ShowFace's InCo2 network; default: this run's.")
    ] = None,
    finder: Annotated[
        Path | None, typer.Option(help="Snapshot of the finder for its second look; default: this run's.")
    ] = None,
    augmented: Annotated[
        Path | None,
        typer.Option(help="Folder of training.augment, or snapshot of LaFIn's generator: new pictures each epoch."),
    ] = None,
    scenes: Annotated[Path | None, typer.Option(help="Pictures without a face, for the finder.")] = None,
    people: Annotated[Path | None, typer.Option(help="Photographs of people with faces.json, for the finder.")] = None,
    sketches: SketchesFile = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Snapshot, or folder of a run or a model, to begin with where there is no checkpoint; "
            "networks that it lacks begin untrained, as a line says."
        ),
    ] = None,
    split: Split = "train",
    seconds: Annotated[float | None, typer.Option(help="Stop and save after this time.", min=0)] = None,
    accelerator: Accelerator = "auto",
    devices: Annotated[
        str, typer.Option(help="Processes on this machine; auto: those of torchrun, else one per GPU.")
    ] = "auto",
    nodes: Annotated[int, typer.Option(help="Machines; torchrun starts the processes and says how many.", min=1)] = 1,
    workers: Annotated[
        int | None, typer.Option(help="Loader processes of each training process; default: by device and cores.", min=0)
    ] = None,
    precision: Precision = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads of each process.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures of an update, instead of the recipe's.", min=1)] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of weights, faces and holes, instead of the recipe's.", min=0)
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE: another value for a field of the recipe; may be repeated."),
    ] = None,
    keep: Annotated[int, typer.Option(help="Keep the last so many snapshots, too, in snapshots/.", min=0)] = 0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard's event files, too (an extra of this package).")
    ] = False,
    keep_every: Annotated[int, typer.Option(help="Keep each so many-th snapshot for good.", min=0)] = 0,
    accumulate: Annotated[
        int, typer.Option(help="Compute each batch in so many micro-batches, where memory is short.", min=1)
    ] = 1,
    force: Annotated[
        bool, typer.Option(help="Go on in a run folder that was begun otherwise, or that holds results alone.")
    ] = False,
    version: Version = False,
) -> None:
    """Train a recipe, or go on with it: the same command resumes from the run folder."""
    chosen = pick(RECIPES, recipe, "recipe")()
    check_arithmetic(accelerator, precision)
    machine = Machine(accelerator, read_devices(devices), nodes, workers, precision, threads, accumulate)
    parts = [chosen.part(part)] if part else list(chosen.parts)
    if tensorboard:
        require_tensorboard()
    settings = read_settings(own or [], seed, batch)
    parts = [with_settings(one, settings) for one in parts]
    if sketches:
        parts = [one.with_sketches(open_drawings(sketches)) for one in parts]
    opened_faces = open_faces(data, split)
    faces, generator = augmentation(augmented, parts, opened_faces)
    faces = SceneFaces(faces, scenes, people) if scenes else faces
    validation = open_validation(data, split, scenes, people)
    files = Files(features, frozen_parser(parser) if parser else None, coarse, inco2, run, generator, finder)
    for one in parts:
        one.needs(files)
    given = {
        "features": features,
        "parser": parser,
        "coarse": coarse,
        "inco2": inco2,
        "finder": finder,
        "augmented": augmented,
        "scenes": scenes,
        "people": people,
        "sketches": sketches,
    }
    told = describe_data(data, split, opened_faces) if is_first() else None
    ends_at_seconds = None if seconds is None else time.monotonic() + seconds
    for one in parts:
        with recorded(run, recipe, one, told, given, settings, force=force) as watched:
            left_seconds = None if ends_at_seconds is None else max(0.0, ends_at_seconds - time.monotonic())
            seen = train(
                watched, faces, run / one.name, files, machine,
                seconds=left_seconds, start=start, validation=validation, keep=Keep(keep, keep_every),
                tensorboard=tensorboard,
            )  # fmt: skip
        if is_first():
            print(how_it_ended(recipe, one, seen, run / one.name))
        if seen < one.stages[-1].until_images:
            break
    part_ways()


@contextmanager
def recorded(
    run: Path,
    recipe: str,
    part: Part,
    data: Record | None,
    given: dict[str, Path | None],
    settings: Settings,
    *,
    force: bool,
) -> Iterator[Part]:
    """Hold and record the part's folder, in the first of the processes; the others, which say no data, just train."""
    if data is None:
        yield part
        return
    with opened(run, part, describe(recipe, part, data, given, settings), force=force) as watched:
        yield watched


def open_validation(folders: list[Path], split: str, scenes: Path | None, people: Path | None) -> Faces | None:
    """The validation faces of the folders that have some; None where there are none, or all faces are trained on.

    For the finder with the scenes and photographs that are held out.
    """
    if split != "train":
        return None
    having = [folder for folder in folders if has_split(folder, "validation")]
    if not having:
        return None
    faces = open_faces(having, "validation")
    return SceneFaces(faces, scenes, people, held_out=True) if scenes else faces


def is_first() -> bool:
    """Whether this is the process that writes, of those that train together."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def how_it_ended(recipe: str, part: Part, seen: int, folder: Path) -> str:
    """The last line of a part."""
    whole = part.stages[-1].until_images
    if seen < whole:
        return f"{recipe}/{part.name}: stopped at {seen:,} of {whole:,}; the same command goes on"
    return f"{recipe}/{part.name}: {seen:,} images seen, in {folder}"


def frozen_parser(path: Path) -> FaceParser:
    """The parser in a TorchScript file or in a snapshot of the room `parser`. Raises CheckpointError that names it."""
    return ScriptedParser(path) if is_torchscript(path) else open_parser(path)


if __name__ == "__main__":
    app()
