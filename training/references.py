"""Whether two references for one hole give different faces: python -m training.references --data FOLDER."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from training import options
from training.data.faces import open_split
from training.errors import OptionError, one_line
from training.framed import frame_faces
from training.options import Version
from training.papers.reference.comparing import (
    VISIBLE,
    Apart,
    Pair,
    apart,
    compared_pictures,
    most_unlike,
    next_two,
    read_all,
)
from training.pictures import require_picture, write_picture
from training.program import Program
from training.reference_models import EXTRACTOR, GENERATOR, SYSTEM, open_extractor, open_generator
from training.report import Table, number, write_json
from training.systems import Repository, frame_pixels, read_snapshots

SHEET_FACES = 6
LEAST_FACES = 3  # one to complete, two that guide

app = Program("training.references")


@app.command()
@one_line("training.references")
def main(
    data: options.DataFolder,
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    snapshot: options.Snapshots = None,
    holes: options.Holes = "O6,eyes,center,40-60",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: options.Count = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Draw six faces with the most unlike references: .png, .jpg, .jpeg.")
    ] = None,
    output: options.Output = None,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Complete each face twice, with the attributes of two other faces of the folder, and compare the pictures.

    The references are the next two faces of the row, or the two of all whose attributes differ most. Differences are
    means in grey levels: over the hole, and where it hides eyes or mouth without a common shift of colour.
    """
    kinds, place = options.read_kinds(holes), options.open_device(device)
    if sheet is not None:
        require_picture(sheet)
    models = Repository(repository, read_snapshots(snapshot), device=place)
    extractor, names = open_extractor(models)
    generator = open_generator(models, names)
    opened = open_split(data, split)
    faces = frame_faces(opened, frame_pixels(SYSTEM), count)
    if len(faces) < LEAST_FACES:
        raise OptionError(f"{LEAST_FACES} faces are needed, one to complete and two that guide; there are {len(faces)}")
    attributes = read_all(extractor, faces, place)
    unlike = most_unlike(attributes)
    pairs: dict[str, Callable[[int], Pair]] = {
        "next two": lambda face: next_two(face, len(faces)),
        "most unlike": lambda face: unlike,
    }
    told = [opened.name(faces.indices[one]) for one in unlike]
    print(f"{len(faces)} faces; the most unlike references are {' and '.join(told)}")
    table = Table("references", "holes", "hole", "eyes", "mouth", f"{VISIBLE:g} or more at either %")
    rows: list[Apart] = []
    for words, pair_of in pairs.items():
        for kind in kinds:
            rows.append(one := apart(generator, attributes, faces, kind, seed, pair_of, words, place))
            figures = (number(value, 1) for value in (one.hole, one.eyes, one.mouth))
            table.row(words, kind, *figures, number(one.visible_percent, 0))
    if sheet is not None:
        pictures = compared_pictures(
            generator, attributes, faces, kinds[0], seed, pairs["most unlike"], SHEET_FACES, place
        )
        write_picture(sheet, pictures.permute(1, 2, 0).cpu().numpy())
    weights = models.fingerprints([EXTRACTOR, GENERATOR])
    write_json(output, {"weights": weights, "split": split, "holes_seed": seed, "unlike": told, "rows": rows})


if __name__ == "__main__":
    app()
