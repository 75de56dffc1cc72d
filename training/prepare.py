"""Prepared folders of data sets and of any photographs: python -m training.prepare --help.

Each command writes images/, landmarks.npy, faces.csv with a column `split`, and parsing/ where the data set has maps.
Pictures are worked on by all cores. Broken off, the same command goes on. Every picture that was left out stands with
its reason in manifest.csv; manifest.json has counts, hashes and the licence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from training.data.checks import Contents, examine_all, open_contents
from training.data.faces import FaceFolder
from training.data.importers.data_sets import IMPORTS, Import
from training.data.importers.importing import Wishes, import_faces
from training.data.importers.irregular import COLOURS, LICENCE, Masks, side_of
from training.data.importers.manifest import MANIFEST_FILE
from training.data.importers.quickdraw import read_drawings
from training.data.importers.source import Source
from training.data.listing import PICTURES
from training.data.sketches import save_sketches
from training.data.stored_holes import save_holes
from training.data.table import DataError
from training.errors import one_line
from training.labelling import disagreeing, label_faces
from training.landmarking import OWN, LandmarkOptions, open_points
from training.options import SHIPPED_REPOSITORY, Count, Device, RepositoryFolder, Version, open_device, require
from training.program import Program
from training.train import frozen_parser

PROGRAM = "training.prepare"
BUCKETS = ((0, 10), (10, 20), (20, 30), (30, 40), (40, 50), (50, 100))  # percent that is missing

app = Program(PROGRAM)

SourceFolder = Annotated[Path, typer.Option(help="The unpacked data set, or the folder of photographs.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Prepared folder to write, or to go on with.")]
Pixels = Annotated[int, typer.Option(help="Side of the square pictures that are written.", min=64)]
Landmarks = Annotated[
    str,
    typer.Option(
        help="Where the landmarks come from. own: the data set's, or .pts files beside the pictures. FILE.npy: "
        "float32, pictures x 68 (or 98) x 2, pixels of the data set's pictures, rows in their order. fan: the package "
        "face-alignment (extra landmarks) with the weights of --fan. demo: the shipped predictor, whose mistakes a new "
        "one would learn."
    ),
]
FanFile = Annotated[Path | None, typer.Option("--fan", help="Weights of 2DFAN-4 (.pth.tar) for --landmarks fan.")]


Tests = Annotated[
    int | None, typer.Option("--tests", help="The last so many pictures of the data set are for tests.", min=0)
]
Strict = Annotated[bool, typer.Option("--strict", help="End with the first picture that cannot be used.")]
Workers = Annotated[int | None, typer.Option(help="Pictures at once; default: as many as there are cores.", min=1)]


@app.callback()
def prepare(version: Version = False) -> None:
    """Make a prepared folder, label the faces of one, or check one."""


def add_import(name: str, one: Import) -> None:
    """A command of the table."""

    @app.command(name, help=one.about)
    @one_line(PROGRAM)
    def command(
        source: SourceFolder,
        output: Output,
        landmarks: Landmarks = OWN,
        fan: FanFile = None,
        repository: RepositoryFolder = SHIPPED_REPOSITORY,
        device: Device = "auto",
        pixels: Pixels = one.pixels,
        count: Count = None,
        tests: Tests = one.tests,
        strict: Strict = False,
        workers: Workers = None,
    ) -> None:
        told = {"data set": name, "source": str(source.resolve()), "tests": str(tests)}
        wishes = Wishes(pixels, told, strict=strict, workers=workers)
        opened = one.open(source)
        names = opened.names()
        wishes = replace(wishes, tests=last_ones(names, tests, one.whole))
        run(opened, names, output, LandmarkOptions(landmarks, fan, repository, device), wishes, count)


for word, what in IMPORTS.items():
    add_import(word, what)


def last_ones(names: list[str], tests: int | None, whole: int) -> frozenset[str]:
    """Those of the last `tests` pictures of the whole data set that are there."""
    return frozenset(names[max(0, max(whole, len(names)) - tests) :] if tests else ())


def run(
    source: Source, names: list[str], output: Path, asked: LandmarkOptions, wishes: Wishes, count: int | None
) -> None:
    """Import the first `count` of its pictures, say what was left out, and pack."""
    taken = names[:count]
    imported = import_faces(source, taken, open_points(asked, source, names), output, wishes)
    print(f"{imported.faces} faces of {len(taken)} pictures in {output}")
    for reason, pictures in imported.left_out.most_common():
        print(f"  left out: {pictures:>7,}  {reason}")
    if imported.left_out:
        print(f"  {output / MANIFEST_FILE} names each of them")
    FaceFolder(output)


@app.command()
@one_line(PROGRAM)
def quickdraw(
    source: Annotated[
        list[Path], typer.Option(help="A .ndjson file of Quick, Draw!, simplified or raw; may be repeated.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File of sketches to write, .safetensors.")],
    count: Annotated[int | None, typer.Option(help="Only the first drawings.", min=1)] = None,
    strict: Strict = False,
) -> None:
    """Drawings of Quick, Draw! for holes of the kind quickdraw: --sketches of training.train and training.evaluate."""
    drawings = read_drawings(source, count, strict=strict)
    save_sketches(output, drawings.sketches)
    print(
        f"{len(drawings.sketches):,} drawings in {output}; left out: {drawings.left_out:,}, not recognised or no line"
    )
    for fault in drawings.broken:
        print(f"  left out: {fault}")


@app.command()
@one_line(PROGRAM)
def irregular(
    source: Annotated[Path, typer.Option(help="Folder of masks, square and all of one size; those below it count.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File of holes to write, .safetensors.")],
    missing: Annotated[
        str,
        typer.Option(help="Colour of what is missing: white, as in the masks for tests; black, those for training."),
    ] = "white",
    count: Annotated[int | None, typer.Option(help="Only the first masks.", min=1)] = None,
    strict: Strict = False,
) -> None:
    """The irregular masks of Liu et al. 2018 for holes: --masks of training.train and training.evaluate."""
    require(missing, COLOURS, "colour")
    masks = Masks(source, missing)
    paths = masks.paths()[:count]
    about = {"licence": LICENCE, "source": str(source.resolve()), "missing": missing}
    ratios = save_holes(output, masks.holes(paths, side_of(paths[0]), strict=strict), about)
    print(f"{len(ratios):,} holes in {output}")
    for low, high in BUCKETS:
        print(f"  {low:>2} to {high:>3} %: {((ratios > low / 100) & (ratios <= high / 100)).sum():>7,}")
    for reason, files in masks.reasons().most_common():
        print(f"  left out: {files:>7,}  {reason}")
        for path in masks.left_out_for(reason):
            print(f"    {path}")


@app.command()
@one_line(PROGRAM)
def label(
    folder: Annotated[Path, typer.Argument(help="Prepared folder.")],
    parser: Annotated[Path, typer.Option(help="Snapshot of the parser, or TorchScript, as --parser of a training.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Prepared folder to write.")],
    device: Device = "auto",
) -> None:
    """The same faces with the parsing maps that a trained parser gives them, from the faces and their mirror images."""
    labelled = label_faces(folder, frozen_parser(parser), output, open_device(device))
    print(f"{len(labelled)} faces with maps of {labelled.parsing_classes} classes in {output}")
    if doubtful := disagreeing(labelled):
        print(f"  look at {len(doubtful):,} of them, whose landmarks lie elsewhere: {', '.join(doubtful)}")


@app.command()
@one_line(PROGRAM)
def check(folder: Annotated[Path, typer.Argument(help="Prepared folder.")]) -> None:
    """Look at every file of a prepared folder; each fault is a line, and the exit status is 1 if there is any."""
    contents = open_contents(folder)
    faults: list[str] = []
    maps = 0
    for face in tqdm(examine_all(contents), "checking", len(contents.table.names), unit="face"):
        faults += face.faults
        maps += bool(face.parsing)
    print(describe(contents, maps))
    for fault in faults:
        print(f"  {fault}")
    if faults:
        raise DataError(f"{len(faults):,} faults in {folder}")


def describe(contents: Contents, maps: int) -> str:
    """A line about a folder."""
    table, listing = contents.table, contents.listing
    splits = ["no column `split`"]
    if table.splits is not None:
        splits = [f"{count:,} {split}" for split, count in Counter(table.splits).items()]
    parsing = f"{maps:,} parsing maps of {contents.classes} classes" if maps else "no parsing maps"
    pictures = sum(path.startswith(f"{PICTURES}/") for path in listing.files)
    named = sum(listing.find(PICTURES, name) is not None for name in table.names)
    rest = f"; {pictures - named:,} files in {PICTURES}/ belong to no row" if pictures > named else ""
    faces = f"{len(table.names):,} faces ({', '.join(splits)})"
    return f"{listing.folder}: {faces}, {parsing}, {len(table.columns)} further columns{rest}"


if __name__ == "__main__":
    app()
