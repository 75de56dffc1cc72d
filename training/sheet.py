"""A sheet of completed faces to look at, unpicked: python -m training.sheet --help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from training import options
from training.blending import completed
from training.blind import draw_blind, key_record
from training.data.faces import open_split
from training.data.parsing import SHOWFACE, colour_table
from training.errors import OptionError, one_line
from training.framed import FramedFaces, frame_faces
from training.given import Answer, System
from training.masking import complete
from training.methods import Method, all_of_repository, at_frame, of_repository
from training.options import Version
from training.papers import SYSTEMS
from training.pictures import require_picture, write_picture
from training.program import Program
from training.report import write_json
from training.side_by_side import shrunk
from training.systems import Repository, frame_pixels, open_system

ACROSS, STAGED_ACROSS = 4, 2  # faces of a row
SHEET_FACES, BLIND_FACES = 16, 64
BLIND_FRAME_PIXELS = 256

app = Program("training.sheet")


@app.command()
@one_line("training.sheet")
def main(
    data: options.DataFolder,
    output: Annotated[Path, typer.Option(help="The picture to write: .jpg or .png.")],
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    model: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(SYSTEMS)}, lafin if none; with --blind several by commas.")
    ] = None,
    holes: options.Holes = "box,center,eyes,half",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: Annotated[
        int | None, typer.Option(help=f"The first so many faces: {SHEET_FACES}, with --blind {BLIND_FACES}.", min=1)
    ] = None,
    side: Annotated[int, typer.Option(help="Pixels of a picture's side on the sheet.", min=16)] = 128,
    blind: Annotated[
        bool, typer.Option("--blind", help="Each face by one system, shuffled; the key goes into OUTPUT.key.json.")
    ] = False,
    stages: Annotated[
        bool, typer.Option("--stages", help="Also what the system makes on its way: coarse face, its parsing map.")
    ] = False,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Masked, completed and true, four faces in a row; the kinds of holes take turns from face to face.

    With --blind: completed pictures alone, of all systems that have a snapshot, numbered; who painted which stands in
    a second file, for after the judging.
    """
    require_picture(output)
    kinds, place = options.read_kinds(holes), options.open_device(device)
    models, folder = Repository(repository, {}, device=place), open_split(data, split)
    if blind and stages:
        raise OptionError("--stages would tell who painted what; leave out --blind")
    if blind:
        methods = [at_frame(method, BLIND_FRAME_PIXELS) for method in several(model, models)]
        faces = frame_faces(folder, BLIND_FRAME_PIXELS, count or BLIND_FACES)
        picture, key = draw_blind(methods, faces, kinds, seed, side, place)
        write_picture(output, picture)
        answer = output.with_name(f"{output.name}.key.json")
        write_json(answer, key_record(key, methods, seed, output))
        print(f"wrote {output}: {len(faces)} faces by {len(methods)} systems; {answer} says whose is which")
        return
    name = model or "lafin"
    system, faces = open_system(name, models), frame_faces(folder, frame_pixels(name), count or SHEET_FACES)
    write_picture(output, draw(system, faces, kinds, seed, side, place, stages=stages))
    print(f"wrote {output}: {len(faces)} faces, masked, {'its stages, ' if stages else ''}completed and true")


def several(names: str | None, models: Repository) -> list[Method]:
    """The systems that are named, else all that have a snapshot, with a line about the others. Raises OptionError."""
    if names is not None:
        return [of_repository(name.strip(), models) for name in names.split(",")]
    methods, lacking = all_of_repository(models)
    for line in lacking:
        print(line)
    if not methods:
        raise OptionError("no system has a snapshot")
    return methods


@torch.no_grad()
def draw(
    system: System,
    faces: FramedFaces,
    kinds: Sequence[str],
    seed: int,
    side: int,
    device: str,
    *,
    stages: bool = False,
) -> np.ndarray:
    """[H,W,3] uint8 RGB. Raises OptionError for a system that paints nothing, or has no stages to show."""
    row, across = [], min(STAGED_ACROSS if stages else ACROSS, len(faces))
    for batch in faces.batches(1, device):
        given = batch.under(kinds[batch.places.start % len(kinds)], seed)
        answer = system(given)
        if answer.raw is None:
            raise OptionError("the model completes no pictures")
        made = stages_of(answer) if stages else []
        painted = 255 * completed(answer.raw, given, complete)
        pictures = (given.image + 255 * given.hole, *made, painted, batch.image)
        row.append(np.concatenate([shrunk(picture[0], side) for picture in pictures], axis=1))
    row += [np.full_like(row[0], 255)] * (-len(row) % across)
    return np.concatenate([np.concatenate(row[start : start + across], axis=1) for start in range(0, len(row), across)])


def stages_of(answer: Answer) -> list[Tensor]:
    """The coarse face and its parsing map in colours, [B,3,F,F] of bytes. Raises OptionError if there are none."""
    if answer.coarse is None or answer.parsing is None:
        raise OptionError("the model has no stages to show")
    colours = torch.from_numpy(colour_table(len(SHOWFACE))).to(answer.parsing.device)
    return [answer.coarse, colours[answer.parsing[:, 0].long()].permute(0, 3, 1, 2)]


if __name__ == "__main__":
    app()
