"""Whether attributes are obeyed: python -m training.sweep --data FOLDER --judge FILE."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training import options
from training.checkpoint import CheckpointError, load_snapshot
from training.data.faces import open_split
from training.errors import OptionError, one_line
from training.framed import frame_faces
from training.options import Version
from training.papers.reference.extractors import Auxiliary
from training.papers.reference.measuring import INTENSITIES, LEAST_RISE, LEAST_STEP, Sweep, sweep, swept_pictures
from training.papers.reference.serving import load_judge
from training.papers.reference.snapshots import names_in
from training.pictures import require_picture, write_picture
from training.program import Program
from training.reference_models import EXTRACTOR, GENERATOR, SYSTEM, open_extractor, open_generator
from training.report import Table, number, progress_bar, write_json
from training.systems import Repository, frame_pixels, read_snapshots

SHEET_FACES = 2

app = Program("training.sweep")


@app.command()
@one_line("training.sweep")
def main(
    data: options.DataFolder,
    judge: Annotated[
        Path, typer.Option(help="auxiliary.safetensors of a run of reference_judge: it reads the results.")
    ],
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    snapshot: options.Snapshots = None,
    holes: options.Holes = "40-60,O6",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: options.Count = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Draw two faces, a row for each attribute: .png, .jpg, .jpeg.")
    ] = None,
    output: options.Output = None,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Turn every attribute from -1 to 1, the others as the extractor sees them, and let the judge read the results.

    The judge is an extractor that was trained apart. Of each attribute: its means over all faces and holes, the
    smallest step between two intensities, the rise from end to end (2 is the most), the share of faces whose reading
    rises, and how much the hole's pixels change.
    """
    kinds, place = options.read_kinds(holes), options.open_device(device)
    if sheet is not None:
        require_picture(sheet)
    models = Repository(repository, read_snapshots(snapshot), device=place)
    extractor, names = open_extractor(models)
    generator = open_generator(models, names)
    reading, known = open_judge(judge)
    if known != names:
        raise OptionError(f"{judge} knows {', '.join(known)}; the extractor {', '.join(names)}")
    opened = open_split(data, split)
    faces = frame_faces(opened, frame_pixels(SYSTEM), count)
    with progress_bar(len(faces) * len(kinds)) as bar:
        swept = sweep(extractor, generator, reading.to(place), names, faces, kinds, seed, bar.update, place)
    show_sweeps(swept)
    if sheet is not None:
        few = faces.first(SHEET_FACES)
        pictures = swept_pictures(extractor, generator, len(names), few, kinds[-1], seed, place)
        write_picture(sheet, pictures.permute(1, 2, 0).cpu().numpy())
    weights = models.fingerprints([EXTRACTOR, GENERATOR])
    write_json(output, {"weights": weights, "split": split, "holes_seed": seed, "sweeps": swept})


def open_judge(file: Path) -> tuple[Auxiliary, tuple[str, ...]]:
    """The judge and the attributes it knows. Raises CheckpointError that names the file."""
    state, _ = load_snapshot(file)
    try:
        return load_judge(state), names_in(state)
    except RuntimeError as error:
        raise CheckpointError(f"{file} is no auxiliary extractor: {error}") from error


def show_sweeps(swept: list[Sweep]) -> None:
    """Print a row for each attribute, and which of them are obeyed."""
    ends = (f"{value:+.1f}" for value in INTENSITIES)
    table = Table("attribute", *ends, "smallest step", "rise", "faces %", "grey levels", "obeyed")
    for one in swept:
        readings = (number(reading, 2) for reading in one.readings)
        figures = number(one.smallest_step, 3), number(one.rise, 2), number(one.faces_percent, 0)
        table.row(one.attribute, *readings, *figures, number(one.changes, 1), "yes" if one.obeyed else "no")
    obeyed = [one.attribute for one in swept if one.obeyed]
    margin = f"every step {LEAST_STEP:g} or more, {LEAST_RISE:g} or more from end to end"
    print(f"obeyed, {margin}: {len(obeyed)} of {len(swept)}{': ' if obeyed else ''}{', '.join(obeyed)}")


if __name__ == "__main__":
    app()
