"""Prepared folders of data sets and of any photographs: python -m training.prepare --help.

Each command writes images/, landmarks.npy, faces.csv with a column `split`, and parsing/ where the data set has maps.
Broken off, the same command goes on. Every picture that was left out stands with its reason in manifest.csv.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from training.data.checks import Contents, examine_all, open_contents
from training.data.faces import FaceFolder
from training.data.importers.celeba import FRAMES, CelebA
from training.data.importers.celebamask_hq import CelebAMaskHQ
from training.data.importers.helen import Helen
from training.data.importers.importing import MANIFEST_FILE, import_faces
from training.data.importers.photographs import SMALLEST_BOX_PIXELS, Photographs
from training.data.importers.source import Source
from training.data.table import DataError
from training.errors import one_line
from training.landmarking import OWN, LandmarkOptions, open_points
from training.options import SHIPPED_REPOSITORY, Count, Device, RepositoryFolder, require

PROGRAM = "training.prepare"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SourceFolder = Annotated[Path, typer.Option(help="The unpacked data set, or the folder of photographs.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Prepared folder to write, or to go on with.")]
Pixels = Annotated[int, typer.Option(help="Side of the square pictures.", min=64)]
Landmarks = Annotated[
    str,
    typer.Option(
        help="Where the 68 landmarks come from. own: .pts files beside the pictures. FILE.npy: float32 [pictures, 68, "
        "2], pixels of the data set's pictures, rows in their order. fan: the package face-alignment (extra "
        "`landmarks`) with the weights of --fan. demo: the shipped predictor; see the warning."
    ),
]
FanFile = Annotated[Path | None, typer.Option("--fan", help="Weights of 2DFAN-4 (.pth.tar) for --landmarks fan.")]


@app.callback()
def prepare() -> None:
    """Make a prepared folder, or check one."""


@app.command("celebamask-hq")
@one_line(PROGRAM)
def celebamask_hq(
    source: SourceFolder,
    output: Output,
    landmarks: Landmarks = OWN,
    fan: FanFile = None,
    repository: RepositoryFolder = SHIPPED_REPOSITORY,
    device: Device = "auto",
    pixels: Pixels = 512,
    count: Count = None,
) -> None:
    """CelebAMask-HQ: CelebA-HQ-img/ and CelebAMask-HQ-mask-anno/; 19 classes, no landmarks; split 28,000 / 2,000."""
    run(CelebAMaskHQ(source), source, output, LandmarkOptions(landmarks, fan, repository, device), pixels, count)


@app.command()
@one_line(PROGRAM)
def helen(
    source: SourceFolder,
    output: Output,
    landmarks: Landmarks = OWN,
    fan: FanFile = None,
    repository: RepositoryFolder = SHIPPED_REPOSITORY,
    device: Device = "auto",
    pixels: Pixels = 256,
    count: Count = None,
) -> None:
    """Helen with the labels of Smith et al. 2013: images/, labels/ and lists; 11 classes; own landmarks from 300-W."""
    run(Helen(source), source, output, LandmarkOptions(landmarks, fan, repository, device), pixels, count)


@app.command()
@one_line(PROGRAM)
def celeba(
    source: SourceFolder,
    output: Output,
    frame: Annotated[str, typer.Option(help="crop: the middle square of 178 px; ffhq: by the five points.")] = "crop",
    landmarks: Landmarks = OWN,
    fan: FanFile = None,
    repository: RepositoryFolder = SHIPPED_REPOSITORY,
    device: Device = "auto",
    pixels: Pixels = 178,
    count: Count = None,
) -> None:
    """CelebA: img_align_celeba/ and the lists of splits, attributes and landmarks; 40 attributes, -1 or 1."""
    require(frame, FRAMES, "frame")
    asked = LandmarkOptions(landmarks, fan, repository, device)
    run(CelebA(source, frame), source, output, asked, pixels, count, frame=frame)


@app.command()
@one_line(PROGRAM)
def folder(
    source: SourceFolder,
    output: Output,
    landmarks: Landmarks = OWN,
    fan: FanFile = None,
    repository: RepositoryFolder = SHIPPED_REPOSITORY,
    device: Device = "auto",
    pixels: Pixels = 256,
    count: Count = None,
    smallest: Annotated[int, typer.Option(help="Least side of a face in its photograph, in pixels.", min=24)] = (
        SMALLEST_BOX_PIXELS
    ),
) -> None:
    """Any folder of photographs, and those below it: faces are found and aligned as FFHQ's are."""
    asked = LandmarkOptions(landmarks, fan, repository, device)
    run(Photographs(source, smallest_pixels=smallest), source, output, asked, pixels, count, smallest=smallest)


def run(
    source: Source,
    folder: Path,
    output: Path,
    asked: LandmarkOptions,
    pixels: int,
    count: int | None,
    **options: object,
) -> None:
    """Import, say what was left out, and pack. A folder that was begun goes on only with equal further `options`."""
    names = source.names()
    points = open_points(asked, source, names)
    taken = names[:count]
    about = {"source": str(folder.resolve()), "kind": type(source).__name__}
    about |= {name: str(value) for name, value in options.items()}
    imported = import_faces(source, taken, points, output, pixels, about)
    print(f"{imported.faces} faces of {len(taken)} pictures in {output}")
    for reason, pictures in imported.left_out.most_common():
        print(f"  left out: {pictures:>7,}  {reason}")
    if imported.left_out:
        print(f"  {output / MANIFEST_FILE} names each of them")
    FaceFolder(output)


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
    table = contents.table
    splits = (
        "no column `split`"
        if table.splits is None
        else ", ".join(f"{table.splits.count(split):,} {split}" for split in dict.fromkeys(table.splits))
    )
    parsing = f"{maps:,} parsing maps of {contents.classes} classes" if maps else "no parsing maps"
    return f"{contents.listing.folder}: {len(table.names):,} faces ({splits}), {parsing}, {len(table.columns)} columns"


if __name__ == "__main__":
    app()
