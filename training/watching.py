"""What a training shows of itself: sheets of pictures, and errors on faces that it is not trained on."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from training.data.faces import DataError, Faces
from training.data.stream import FaceStream, Item, collate
from training.data.transforms import Jitter
from training.pictures import write_picture
from training.recipe import Part, RecipeError, Stage
from training.step import Step

TITLES_PIXELS, NUMBERS_PIXELS = 16, 40  # strips above and left of a sheet's pictures
LETTERS, LETTERS_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4
AT_ONCE = 8  # faces of validation


def shown_row(faces: Faces, part: Part, stage: Stage) -> Dataset[Item]:
    """The same faces and holes each time: whole frames of the stage, unmoved, under the part's holes."""
    shown = replace(stage, holes=None, window_pixels=None)
    return part.stream(faces, replace(part, seed=part.seed + 1, jitter=Jitter()), shown)


@torch.no_grad()
def write_sheet(
    part: Part,
    stage: Stage,
    step: Step,
    averages: dict[str, nn.Module],
    faces: Faces,
    path: Path,
    device: torch.device,
) -> None:
    """A PNG of the first faces of the row, seen by the averaged networks. Raises DiskFullError, OSError."""
    row = shown_row(faces, part, stage)
    places = range(min(part.sheet_faces, len(faces)))
    pictures = step.sheet(averages, collate([row[place] for place in places]).to(device))
    numbers = [row.face_of(place) if isinstance(row, FaceStream) else place for place in places]
    sheet = drawn(pictures, step.columns, numbers)
    write_picture(path, sheet)


def drawn(pictures: Tensor, titles: Sequence[str], numbers: Sequence[int]) -> NDArray[np.uint8]:
    """[B,columns,3,H,W] in [0,1] to one picture [h,w,3] uint8: a title over each column, a number before each row."""
    rows, columns, _, height, width = pictures.shape
    assert (len(numbers), len(titles)) == (rows, columns), (numbers, titles, pictures.shape)
    stored = pictures.float().clamp(0, 1).mul(255).round().byte().cpu()
    whole = stored.permute(0, 3, 1, 4, 2).reshape(rows * height, columns * width, 3).numpy()
    sheet = np.full((TITLES_PIXELS + rows * height, NUMBERS_PIXELS + columns * width, 3), 255, np.uint8)
    sheet[TITLES_PIXELS:, NUMBERS_PIXELS:] = whole
    for place, title in enumerate(titles):
        write(sheet, title, NUMBERS_PIXELS + place * width, TITLES_PIXELS - 4, width)
    for place, face in enumerate(numbers):
        write(sheet, str(face), 0, TITLES_PIXELS + place * height + height // 2, NUMBERS_PIXELS)
    return sheet


def write(sheet: NDArray[np.uint8], text: str, x: int, y: int, width: int) -> None:
    """Black letters from (x, y) on, (pixels of the line's left lower end), no wider than `width`."""
    (whole, _), _ = cv2.getTextSize(text, LETTERS, LETTERS_SCALE, 1)
    scale = LETTERS_SCALE * min(1.0, (width - 4) / whole)
    cv2.putText(sheet, text, (x + 2, y), LETTERS, scale, (0, 0, 0), 1, cv2.LINE_AA)


@torch.no_grad()
def validate(
    part: Part, step: Step, averages: dict[str, nn.Module], faces: Faces, device: torch.device
) -> dict[str, float]:
    """Means of the step's own errors over the first faces, at the size of the last stage: comparable all the way.

    Raises RecipeError where the figure that the recipe names is none of them.
    """
    row = shown_row(faces, part, part.stages[-1])
    count = min(part.validation_faces, len(faces))
    errors: dict[str, list[Tensor]] = {}
    for start in range(0, count, AT_ONCE):
        batch = collate([row[place] for place in range(start, min(start + AT_ONCE, count))]).to(device)
        for name, values in step.judge(averages, batch).items():
            errors.setdefault(name, []).append(values.double().cpu())
    if part.best_by not in errors:
        raise RecipeError(f"part {part.name} is judged by {part.best_by!r}; its step knows {', '.join(errors)}")
    return {name: float(torch.cat(values).mean()) for name, values in errors.items()}


def validation_of(part: Part, faces: Faces | None) -> tuple[Faces | None, str]:
    """The faces to validate on, or None where the part cannot use them, and a line that says so."""
    if faces is None or not part.validate_every_images:
        return None, f"{part.name}: no validation"
    try:
        shown_row(faces, part, part.stages[-1])[0]
    except DataError as error:
        return None, f"{part.name}: no validation, for {error}"
    count = min(part.validation_faces, len(faces))
    every = f"every {part.validate_every_images:,} images"
    return faces, f"{part.name}: validation {every}, on {count} of its faces; the best by {part.best_by} are kept"


def note_validation(path: Path, images_seen: int, figures: dict[str, float], best: bool) -> None:
    """A line of validation.jsonl; a figure that is not finite is null."""
    finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
    with path.open("a") as lines:
        lines.write(json.dumps({"images_seen": images_seen, **finite, "best": best}) + "\n")
