"""Published data sets to prepared folders: python -m training.prepare celebamask-hq --help, helen --help."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from training.data.faces import DataError
from training.data.importers.celebamask_hq import CelebAMaskHQ
from training.data.importers.helen import Helen
from training.data.importers.source import ImportedFace, Source
from training.data.listing import CLASSES_FILE
from training.data.parsing import CLASS_SETS, mirror_table
from training.data.transforms import resize
from training.errors import one_line
from training.systems import Repository

PREDICTOR, PREDICTOR_PIXELS = "lafin_predictor", 256
JPEG_QUALITY = 95

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SourceFolder = Annotated[Path, typer.Option(help="The unpacked data set.")]
Output = Annotated[Path, typer.Option(help="Prepared folder to write: images/, parsing/, landmarks.npy, faces.csv.")]
RepositoryFolder = Annotated[Path, typer.Option(help=f"Model repository with {PREDICTOR}, which sets the landmarks.")]
Pixels = Annotated[int, typer.Option(help="Side of the square pictures.", min=64)]
Count = Annotated[int | None, typer.Option(help="Only the first faces.", min=1)]


@app.callback()
def prepare() -> None:
    """Make a prepared folder of a published data set."""


@app.command("celebamask-hq")
def celebamask_hq(
    source: SourceFolder,
    output: Output,
    repository: RepositoryFolder = Path("model_repository"),
    pixels: Pixels = 512,
    count: Count = None,
) -> None:
    """CelebAMask-HQ: CelebA-HQ-img/ and CelebAMask-HQ-mask-anno/; 19 classes."""
    run(CelebAMaskHQ(source), output, repository, pixels, count)


@app.command()
def helen(
    source: SourceFolder,
    output: Output,
    repository: RepositoryFolder = Path("model_repository"),
    pixels: Pixels = 256,
    count: Count = None,
) -> None:
    """Helen with the labels of Smith et al. 2013: images/, labels/ and lists; 11 classes."""
    run(Helen(source), output, repository, pixels, count)


@one_line("training.prepare")
def run(source: Source, output: Path, repository: Path, pixels: int, count: int | None) -> None:
    """Import face by face; a mistake is one line."""
    if (output / "faces.csv").exists():
        raise DataError(f"{output / 'faces.csv'} exists: name a new folder")
    names = source.names()[:count]
    predictor = Repository(repository, {}).open(PREDICTOR)
    written = write(source, names, output, predictor, pixels)
    print(f"{written} faces in {output}; {len(names) - written} were left out, for they lack labels")


def write(source: Source, names: list[str], output: Path, predictor: nn.Module, pixels: int) -> int:
    """The prepared folder, faces.csv last; faces written. Raises DataError."""
    for folder in ("images", "parsing"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    landmarks: list[NDArray[np.float32]] = []
    votes = 0
    for name in tqdm(names, unit="face", leave=False):
        face = source.face(name, pixels)
        if face is None:
            continue
        write_picture(output / "images" / f"{face.name}.jpg", np.ascontiguousarray(face.picture[..., ::-1]))
        write_picture(output / "parsing" / f"{face.name}.png", face.parsing)
        landmarks.append(predict(predictor, face.picture))
        votes += sides_vote(face, source.parsing_classes)
        written.append(face.name)
    if not written:
        raise DataError("no face could be imported")
    if votes < 0:
        swap_sides(output / "parsing", written, source.parsing_classes)
    (output / "parsing" / CLASSES_FILE).write_text("\n".join(CLASS_SETS[source.parsing_classes]) + "\n")
    np.save(output / "landmarks.npy", np.stack(landmarks))
    with (output / "faces.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["name"], *([name] for name in written)])
    return len(written)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """JPEG or PNG by the name's ending."""
    if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
        raise DataError(f"{path} could not be written")


def predict(predictor: nn.Module, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Landmarks [68,2] in the picture's pixels."""
    side = picture.shape[0]
    frame, _ = resize(picture, np.zeros((68, 2), np.float32), PREDICTOR_PIXELS)
    image = torch.from_numpy(np.array(frame.transpose(2, 0, 1)))[None]
    with torch.no_grad():
        points = predictor(image, torch.zeros_like(image[:, :1]))[0].numpy()
    return np.asarray((points + 0.5) * (side / PREDICTOR_PIXELS) - 0.5, dtype=np.float32)


def sides_vote(face: ImportedFace, classes: int) -> int:
    """Whose left a data set means: 1 if this face's left eye is the subject's, -1 if the viewer's, 0 if one is missing.

    Faces stand upright in their frame, so the subject's left eye is the one further right in the picture.
    """
    names = CLASS_SETS[classes]
    columns = [np.nonzero(face.parsing == names.index(f"{side}_eye"))[1] for side in ("left", "right")]
    if not all(len(one) for one in columns):
        return 0
    return int(np.sign(columns[0].mean() - columns[1].mean()))


def swap_sides(folder: Path, names: list[str], classes: int) -> None:
    """Most faces say that the data set's left is the viewer's: left and right classes of every map change places."""
    table = mirror_table(classes)
    for name in names:
        path = folder / f"{name}.png"
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        write_picture(path, table[stored])


if __name__ == "__main__":
    app()
