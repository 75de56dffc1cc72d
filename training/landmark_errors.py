"""Tables 4 and 5 of LaFIn: how far predicted landmarks lie off, by subset: python -m training.landmark_errors --help.

The faces of a folder of training.prepare wflw or 300w, or of another one with subsets by --subset, whole or under
holes; one predictor trained without and one with augmented pictures, and the paper's figures below.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from training import options
from training.data.faces import FaceFolder, open_split
from training.data.landmarks import nme
from training.errors import OptionError, one_line
from training.framed import FramedFaces, frame_faces
from training.given import System
from training.options import Version
from training.program import Program
from training.report import NOTHING, Table, number, progress_bar, write_json
from training.saving import snapshot_of
from training.systems import Repository, frame_pixels, open_system

PREDICTOR = "lafin_predictor"
ALL = "all"  # the faces together
DECIMALS = 2

Errors = dict[str, float]  # subset -> mean error, percent of the distance of the outer eye corners


@dataclass(frozen=True)
class Printed:
    """A table of the paper: NME in percent, of whole faces."""

    name: str
    subsets: tuple[str, ...]  # columns of faces.csv that are 1 for a face of the subset
    figures: Mapping[str, Errors]  # the paper's row -> its figures


@dataclass(frozen=True)
class Subset:
    """Faces whose number in a column of faces.csv lies between two others, both included."""

    name: str
    column: str
    low: float = 1.0
    high: float = 1.0


TABLES = (
    Printed(
        "Table 4, WFLW",
        ("largepose", "expression", "illumination", "makeup", "occlusion", "blur"),
        {"LaFIn": {ALL: 6.79}, "LaFIn, augmented": {ALL: 5.92}},
    ),
    Printed(
        "Table 5, 300W",
        ("common", "challenging", "full"),
        {
            "LaFIn": {"common": 4.69, "challenging": 8.95, "full": 5.42},
            "LaFIn, augmented": {"common": 4.45, "challenging": 8.91, "full": 5.21},
        },
    ),
)
OTHER_FACES = Printed(
    "Tables 4 and 5, beside other faces",
    (),
    {
        f"{row} on {printed.name.partition(', ')[2]}": {ALL: figures.get("full", figures.get(ALL, math.nan))}
        for printed in TABLES
        for row, figures in printed.figures.items()
    },
)

app = Program("training.landmark_errors")
Weights = typer.Option(help="Snapshot of a predictor, or the folder of its run or part.")


@app.command()
@one_line("training.landmark_errors")
def main(
    data: options.DataFolder,
    plain: Annotated[Path | None, Weights] = None,
    augmented: Annotated[Path | None, Weights] = None,
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    subset: Annotated[
        list[str] | None, typer.Option(help="NAME=COLUMN:LOW:HIGH of faces.csv: one more subset; may be repeated.")
    ] = None,
    holes: options.Holes = "none",
    seed: options.Seed = 0,
    split: options.Split = "test",
    count: options.Count = None,
    output: options.Output = None,
    batch_size: options.BatchSize = 16,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Mean error of landmarks, with and without augmentation, by subset; of the shipped predictor if none is named."""
    kinds, place, asked = options.read_kinds(holes), options.open_device(device), read_subsets(subset or [])
    faces = open_split(data, split)
    printed = table_of(faces)
    row = frame_faces(faces, frame_pixels(PREDICTOR), count)
    belong = members(faces, len(row), [*(Subset(name, name) for name in printed.subsets), *asked])
    files = {name: file for name, file in (("plain", plain), ("augmented", augmented)) if file is not None}
    repositories = {name: Repository(repository, {PREDICTOR: find(file)}, device=place) for name, file in files.items()}
    repositories = repositories or {"shipped": Repository(repository, {}, device=place)}
    systems = {name: open_system(PREDICTOR, one) for name, one in repositories.items()}
    rows = show(systems, row, belong, kinds, seed, batch_size, place, printed)
    weights = {name: one.fingerprints([PREDICTOR])[PREDICTOR] for name, one in repositories.items()}
    about = {"data": data.resolve().name, "sha256": faces.content, "split": split, "holes_seed": seed}
    faces_of = {subset: int(chosen.sum()) for subset, chosen in belong.items()}
    paper = {"paper": printed.name, "paper_figures": printed.figures}
    write_json(output, {**about, "faces": faces_of, "weights": weights, "rows": rows, **paper})


def read_subsets(texts: Sequence[str]) -> list[Subset]:
    """`NAME=COLUMN:LOW:HIGH` of --subset. Raises OptionError."""
    found = []
    for text in texts:
        match = re.fullmatch(r"([^=]+)=([^:]+):([^:]+):([^:]+)", text)
        try:
            name, column, *edges = match.groups() if match else ()
            found.append(Subset(name, column, *map(float, edges)))
        except ValueError:
            raise OptionError(
                f"--subset {text}: write NAME=COLUMN:LOW:HIGH, such as turned=yaw_degrees:20:90"
            ) from None
    return found


def find(file: Path) -> Path:
    """The predictor's snapshot in a run's folder, a part's or a model's, or itself."""
    return snapshot_of(file / "predictor" if (file / "predictor").is_dir() else file, "predictor")


def table_of(faces: FaceFolder) -> Printed:
    """The paper's table whose subsets the folder has; the whole sets' figures for a folder of other faces."""
    return next((one for one in TABLES if set(one.subsets) <= set(faces.pack.columns)), OTHER_FACES)


def members(faces: FaceFolder, count: int, subsets: Sequence[Subset]) -> dict[str, Tensor]:
    """Subset -> which of the first `count` faces belong to it, [count] bool. Raises OptionError."""
    belong = {ALL: torch.ones(count, dtype=torch.bool)}
    for one in subsets:
        if one.column not in faces.pack.columns:
            raise OptionError(
                f"there is no column {one.column!r} of numbers; there are {', '.join(faces.pack.columns)}"
            )
        numbers = np.stack([faces.known_attributes(index, [one.column])[0] for index in range(count)])
        belong[one.name] = torch.from_numpy((one.low <= numbers) & (numbers <= one.high))
    return belong


@torch.no_grad()
def errors_of(system: System, faces: FramedFaces, kind: str, seed: int, batch_size: int, device: str = "cpu") -> Tensor:
    """NME of each face under holes of one kind, in percent: [faces]. Raises OptionError for a system without landmarks.

    Of predicted 98 points and 68 true ones, or the other way round, the 68 are compared.
    """
    found = []
    for batch in faces.batches(batch_size, device):
        predicted = system(batch.under(kind, seed)).landmarks
        if predicted is None:
            raise OptionError("the system predicts no landmarks")
        found.append(nme(predicted.float(), batch.landmarks).cpu())
    return torch.cat(found)


def means(errors: Tensor, belong: Mapping[str, Tensor]) -> Errors:
    """The mean of each subset; NaN where no face belongs to it."""
    return {name: float(errors[chosen].mean()) for name, chosen in belong.items()}


def show(
    systems: Mapping[str, System],
    faces: FramedFaces,
    belong: Mapping[str, Tensor],
    kinds: Sequence[str],
    seed: int,
    batch_size: int,
    device: str,
    printed: Printed,
) -> list[dict[str, object]]:
    """Print the table row by row, the paper's below; our rows."""
    points = faces.faces.landmarks(0).shape[0]
    print(f"{len(faces)} faces with {points} landmarks; NME in % of the outer eye corners' distance; seed {seed}")
    table, rows = Table("holes", "predictor", *belong), list[dict[str, object]]()
    with progress_bar(len(kinds) * len(systems), "row") as bar:
        for kind in kinds:
            for name, system in systems.items():
                found = means(errors_of(system, faces, kind, seed, batch_size, device), belong)
                table.row(kind, name, *(number(value, DECIMALS) for value in found.values()))
                rows.append({"holes": kind, "predictor": name, "nme_percent": found})
                bar.update()
    for name, figures in printed.figures.items():
        table.row(NOTHING, f"the paper's {name}", *(number(figures.get(subset), DECIMALS) for subset in belong))
    return rows


if __name__ == "__main__":
    app()
