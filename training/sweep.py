"""Whether attributes are read well and obeyed: python -m training.sweep --data FOLDER --judge FILE."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from torch import Tensor

from training import options
from training.checkpoint import CheckpointError, load_snapshot
from training.data.faces import FaceFolder, open_split
from training.errors import OptionError, one_line
from training.framed import FramedFaces, frame_faces
from training.options import Version
from training.papers.reference.extractors import Auxiliary
from training.papers.reference.measuring import INTENSITIES, Sweep, correlations, sweep, swept_pictures
from training.papers.reference.serving import ServedGenerator, load_judge
from training.papers.reference.snapshots import names_in
from training.report import Table, number, progress_bar, write_json
from training.systems import Repository, frame_pixels

SYSTEM = "reference"
SHEET_FACES = 2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@one_line("training.sweep")
def main(
    data: options.DataFolder,
    judge: Annotated[
        Path, typer.Option(help="auxiliary.safetensors of a run of reference_judge: it reads the results.")
    ],
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    holes: options.Holes = "40-60,O6",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: options.Count = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write pictures of two faces, a row for each attribute, as PNG.")
    ] = None,
    output: options.Output = None,
    version: Version = False,
) -> None:
    """How well the extractor reads the folder's own numbers, and what each attribute changes when it is turned.

    Correlations over the faces, whole and under the holes. Then every attribute goes from -1 to 1, and an extractor
    that was trained apart reads the completed pictures.
    """
    kinds, models = options.read_kinds(holes), Repository(repository, {})
    extractor, generator = models.open("reference_extractor"), models.open("reference_generator")
    assert isinstance(generator, ServedGenerator)
    reading, names = open_judge(judge)
    told = tuple(models.parameters("reference_extractor").get("attributes", "").split(","))
    if told != names:
        raise OptionError(f"{judge} knows {', '.join(names)}; the extractor {', '.join(told)}")
    opened = open_split(data, split)
    faces = frame_faces(opened, frame_pixels(SYSTEM), count)
    read = show_correlations(extractor, opened, faces, names, kinds, seed)
    with progress_bar(len(faces) * len(kinds)) as bar:
        swept = sweep(extractor, generator, reading, names, faces, kinds, seed, bar.update)
    show_sweeps(swept)
    if sheet is not None:
        few = frame_faces(opened, frame_pixels(SYSTEM), SHEET_FACES)
        write_sheet(sheet, swept_pictures(extractor, generator, len(names), few, kinds[-1], seed))
    weights = models.fingerprints(["reference_extractor", "reference_generator"])
    write_json(output, {"weights": weights, "split": split, "holes_seed": seed, "correlations": read, "sweeps": swept})


def open_judge(file: Path) -> tuple[Auxiliary, tuple[str, ...]]:
    """The judge and the attributes it knows. Raises CheckpointError that names the file."""
    state, _ = load_snapshot(file)
    try:
        return load_judge(state), names_in(state)
    except RuntimeError as error:
        raise CheckpointError(f"{file} is no auxiliary extractor: {error}") from error


def show_correlations(
    extractor: torch.nn.Module,
    opened: FaceFolder,
    faces: FramedFaces,
    names: tuple[str, ...],
    kinds: list[str],
    seed: int,
) -> dict[str, dict[str, float]]:
    """Print a row for each attribute, a column for whole faces and for each kind of holes; attribute -> column -> r."""
    labels = torch.from_numpy(np.stack([opened.known_attributes(index, names) for index in faces.indices]))
    columns = {kind: correlations(extractor, faces, labels, kind, seed) for kind in ("none", *kinds)}
    print(f"{len(faces)} faces; correlation of what the extractor sees with the folder's own numbers")
    table = Table("attribute", *("whole" if kind == "none" else kind for kind in columns))
    for place, name in enumerate(names):
        table.row(name, *(number(float(values[place]), 2) for values in columns.values()))
    return {name: {kind: float(values[place]) for kind, values in columns.items()} for place, name in enumerate(names)}


def show_sweeps(swept: list[Sweep]) -> None:
    """Print a row for each attribute."""
    print("what the judge reads in the completed picture, by what was asked for")
    table = Table("attribute", *(f"{value:+.1f}" for value in INTENSITIES), "rise", "rises", "grey levels")
    for one in swept:
        readings = (number(reading, 2) for reading in one.readings)
        table.row(one.attribute, *readings, number(one.rise, 2), "yes" if one.rises else "no", number(one.changes, 1))


def write_sheet(file: Path, picture: Tensor) -> None:
    """[3,H,W] uint8 RGB as PNG. Raises OptionError where it cannot be written."""
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy()[..., ::-1])
    file.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(file), pixels):
        raise OptionError(f"{file} could not be written")


if __name__ == "__main__":
    app()
