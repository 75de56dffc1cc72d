"""Augmented landmark data of LaFIn: python -m training.augment --help.

Section 4 and appendix B: I_aug = G_P(L_gt, masked I). Every pair (I, L_gt) gives one augmented pair (I_aug, L_gt) per
epoch, with another hole each time; the hole is filled by the generator, the landmarks stay.

This makes the pictures of some epochs before the training, for machines on which it would wait for the generator.
`training.train lafin_augmented --augmented SNAPSHOT` makes new ones in every epoch.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from training import options
from training.data.faces import DataError, FaceFolder, open_split
from training.data.landmarks import to_68
from training.data.transforms import resize
from training.errors import one_line
from training.given import Given, System
from training.masking import complete
from training.options import Version
from training.papers.lafin.networks import FRAME_PIXELS
from training.papers.lafin.recipe import GENERATOR_HOLES
from training.program import Program
from training.systems import Repository, open_system

JPEG_QUALITY = 95
HEADER = ("name", "source", "epoch")

app = Program("training.augment")


@app.command()
@one_line("training.augment")
def main(
    data: options.DataFolder,
    output: Annotated[Path, typer.Option(help="Prepared folder to write; must not be one yet.")],
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    epochs: Annotated[int, typer.Option(help="Augmented pictures of each face, each with its own hole.", min=1)] = 1,
    seed: options.Seed = 0,
    split: options.Split = "train",
    batch_size: options.BatchSize = 4,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Make augmented pairs of pictures and landmarks; `training.train --augmented` adds them to a predictor's data.

    With `--augmented` and the generator's snapshot that command makes new ones in every epoch, without this one.
    """
    place = options.open_device(device)
    if (output / "faces.csv").exists():
        raise DataError(f"{output} is a prepared folder already; name another one")
    faces = open_split(data, split)
    system = open_system("lafin_generator", Repository(repository, {}, device=place))
    augment(faces, system, output, epochs=epochs, seed=seed, batch_size=batch_size, device=place)
    print(f"{epochs * len(faces)} augmented pairs in {output}")


def augment(
    faces: FaceFolder, system: System, output: Path, *, epochs: int, seed: int, batch_size: int, device: str = "cpu"
) -> None:
    """Write whole epochs of `faces`, one after another. `faces.csv` comes last, so an unfinished folder has none."""
    (output / "images").mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, str, int]] = []
    landmarks: list[NDArray[np.float32]] = []
    with tqdm(total=epochs * len(faces), unit="face") as bar:
        for epoch, indices in batches(len(faces), epochs, batch_size):
            pictures, points = augment_batch(faces, system, indices, [seed, epoch], device)
            for index, picture in zip(indices, pictures, strict=True):
                name = f"e{epoch:03d}_{faces.name(index)}"
                write_jpeg(output / "images" / f"{name}.jpg", picture)
                rows.append((name, faces.name(index), epoch))
            landmarks.extend(points)
            bar.update(len(indices))
    np.save(output / "landmarks.npy", np.stack(landmarks))
    with (output / "faces.csv").open("w", newline="") as table:
        csv.writer(table).writerows([HEADER, *rows])


def batches(count: int, epochs: int, batch_size: int) -> Iterator[tuple[int, list[int]]]:
    """(epoch, indices of faces), epoch after epoch; no batch belongs to two epochs."""
    for epoch in range(epochs):
        for start in range(0, count, batch_size):
            yield epoch, list(range(start, min(start + batch_size, count)))


def augment_batch(
    faces: FaceFolder, system: System, indices: list[int], seed: list[int], device: str
) -> tuple[NDArray[np.uint8], list[NDArray[np.float32]]]:
    """Completed pictures [B,256,256,3] and their true landmarks; the hole of a face depends on seed and index alone."""
    pairs = [resize(faces.image(index), faces.landmarks(index), FRAME_PIXELS) for index in indices]
    holes = [
        GENERATOR_HOLES.draw(np.random.default_rng([*seed, index]), FRAME_PIXELS, points)
        for index, (_, points) in zip(indices, pairs, strict=True)
    ]
    given = Given(
        image=torch.from_numpy(np.stack([picture.transpose(2, 0, 1) for picture, _ in pairs])).to(device),
        hole=torch.from_numpy(np.stack(holes))[:, None].to(device),
        landmarks=torch.from_numpy(np.stack([to_68(points) for _, points in pairs])).to(device),
        noise_seeds=tuple((*seed, index) for index in indices),
    )
    with torch.no_grad():
        raw = system(given).raw
    assert raw is not None
    pictures: NDArray[np.uint8] = complete(raw, given.image, given.hole).permute(0, 2, 3, 1).cpu().numpy()
    return pictures, [points for _, points in pairs]


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    """RGB [H,W,3] to a file."""
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
        raise DataError(f"{path} could not be written")


if __name__ == "__main__":
    app()
