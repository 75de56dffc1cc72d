"""A sheet of completed faces to look at, unpicked: python -m training.sheet --help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from torch import Tensor

from training import options
from training.blending import completed
from training.data.faces import open_split
from training.errors import OptionError, one_line
from training.framed import FramedFaces, frame_faces
from training.given import System
from training.masking import complete
from training.options import Version
from training.papers import SYSTEMS
from training.pictures import require_picture, write_picture
from training.systems import Repository, frame_pixels, open_system

ACROSS = 4  # faces of a row

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@one_line("training.sheet")
def main(
    data: options.DataFolder,
    output: Annotated[Path, typer.Option(help="The picture to write: .jpg or .png.")],
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    model: Annotated[str, typer.Option(help=f"What completes the faces: {', '.join(SYSTEMS)}.")] = "lafin",
    holes: options.Holes = "box,center,eyes,half",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: Annotated[int, typer.Option(help="The first so many faces of the split.", min=1)] = 16,
    side: Annotated[int, typer.Option(help="Pixels of a picture's side on the sheet.", min=16)] = 128,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Masked, completed and true, four faces in a row; the kinds of holes take turns from face to face."""
    require_picture(output)
    kinds, place = options.read_kinds(holes), options.open_device(device)
    system = open_system(model, Repository(repository, {}, device=place))
    faces = frame_faces(open_split(data, split), frame_pixels(model), count)
    sheet = draw(system, faces, kinds, seed, side, place)
    write_picture(output, sheet)
    print(f"wrote {output}: {len(faces)} faces, masked, completed and true")


@torch.no_grad()
def draw(system: System, faces: FramedFaces, kinds: Sequence[str], seed: int, side: int, device: str) -> np.ndarray:
    """[H,W,3] uint8 RGB. Raises OptionError for a system that paints nothing."""
    trios = []
    for batch in faces.batches(1, device):
        given = batch.under(kinds[batch.places.start % len(kinds)], seed)
        raw = system(given).raw
        if raw is None:
            raise OptionError("the model completes no pictures")
        pictures = (given.image + 255 * given.hole, 255 * completed(raw, given, complete), batch.image)
        trios.append(np.concatenate([shrunk(picture[0], side) for picture in pictures], axis=1))
    blank = [np.full_like(trios[0], 255)] * (-len(trios) % ACROSS)
    row = [*trios, *blank]
    return np.concatenate([np.concatenate(row[start : start + ACROSS], axis=1) for start in range(0, len(row), ACROSS)])


def shrunk(picture: Tensor, side: int) -> np.ndarray:
    """[3,F,F] of bytes or of 0..255 -> [side,side,3] uint8."""
    whole = picture.float().round().clamp(0, 255).byte().cpu().permute(1, 2, 0).numpy()
    return cv2.resize(np.ascontiguousarray(whole), (side, side), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    app()
