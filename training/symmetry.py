"""How alike the two eyes of completed faces are: python -m training.symmetry --help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
import typer
from torch import Tensor, nn

from training import options
from training.blending import completed
from training.data.faces import open_split
from training.data.landmarks import to_68
from training.errors import OptionError, one_line
from training.framed import FramedFaces, frame_faces
from training.given import System
from training.masking import complete
from training.metrics.eyes import iris_difference, opening_difference
from training.options import Version
from training.papers import SYSTEMS
from training.program import Program
from training.report import Table, number, progress_bar, write_json
from training.systems import Repository, about, frame_pixels, open_system

PREDICTOR = "lafin_predictor"  # reads the eyes of a completed picture
ORIGINAL = "original"

app = Program("training.symmetry")


@dataclass(frozen=True)
class Eyes:
    """Means over the faces."""

    holes: str
    method: str
    iris_difference: float  # grey levels of 255
    opening_difference: float  # percent of an eye's width


@app.command()
@one_line("training.symmetry")
def main(
    data: options.DataFolder,
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    model: Annotated[
        list[str] | None, typer.Option(help=f"What completes them; may be repeated: {', '.join(SYSTEMS)}.")
    ] = None,
    holes: options.Holes = "eyes,center",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: options.Count = None,
    output: options.Output = None,
    batch_size: options.BatchSize = 4,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Left-right difference of iris colour and opening on completed faces, beside the faces as they are.

    The colour is measured where the true eyes are, in grey levels of 255; the opening by the landmarks that LaFIn's
    predictor reads from the whole completed picture, in percent of an eye's width. Lower is more alike.
    """
    names, kinds, place = model or ["dsa", "lafin"], options.read_kinds(holes), options.open_device(device)
    models = Repository(repository, {}, device=place)
    systems = {name: open_system(name, models) for name in names}
    if {frame_pixels(name) for name in names} != {frame_pixels(PREDICTOR)}:
        raise OptionError(f"these models need frames of {frame_pixels(PREDICTOR)} px, which the predictor sees")
    faces = frame_faces(open_split(data, split), frame_pixels(PREDICTOR), count)
    table, rows = Table("holes", "method", "iris difference", "opening difference %"), []
    with progress_bar(len(faces) * (1 + len(kinds))) as bar:
        for row in measure(systems, models.open(PREDICTOR), faces, kinds, seed, batch_size, place):
            table.row(row.holes, row.method, number(row.iris_difference, 2), number(row.opening_difference, 2))
            rows.append(row)
            bar.update(len(faces) if row.method in (ORIGINAL, names[-1]) else 0)
    write_json(output, {"split": split, "seed": seed, "models": [about(name, models) for name in names], "rows": rows})


@torch.no_grad()
def measure(
    systems: dict[str, System],
    predictor: nn.Module,
    faces: FramedFaces,
    kinds: Sequence[str],
    seed: int,
    batch_size: int,
    device: str,
) -> Iterator[Eyes]:
    """The faces as they are, then each kind of holes and each system."""
    pairs = [(batch.image.float() / 255, to_68(batch.landmarks)) for batch in faces.batches(batch_size, device)]
    yield row("-", ORIGINAL, predictor, pairs)
    for kind in kinds:
        for name, system in systems.items():
            painted = []
            for batch in faces.batches(batch_size, device):
                given = batch.under(kind, seed)
                raw = system(given).raw
                if raw is None:
                    raise OptionError(f"{name} completes no pictures")
                painted.append((completed(raw, given, complete), given.landmarks))
            yield row(kind, name, predictor, painted)


def row(holes: str, method: str, predictor: nn.Module, pairs: Sequence[tuple[Tensor, Tensor]]) -> Eyes:
    """Of pictures [B,3,F,F] in [0,1] with their true landmarks."""
    colours = torch.cat([iris_difference(picture, landmarks) for picture, landmarks in pairs])
    openings = torch.cat([opening_difference(seen(predictor, picture)) for picture, _ in pairs])
    return Eyes(holes, method, float(colours.mean()), float(openings.mean()))


def seen(predictor: nn.Module, picture: Tensor) -> Tensor:
    """Landmarks [B,68,2] that the served predictor reads from whole pictures [B,3,F,F] in [0,1]."""
    whole = (255 * picture).round().to(torch.uint8)
    landmarks: Tensor = predictor(whole, torch.zeros_like(whole[:, :1]))
    return landmarks


if __name__ == "__main__":
    app()
