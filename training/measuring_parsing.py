"""Figures of a deployed parser on the parsing maps of a prepared folder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from training.data.faces import DataError, Faces
from training.data.parsing import CLASS_SETS, facial_parts, merge_table
from training.data.transforms import resize
from training.metrics.regions import confusion, f_scores, intersections_over_unions, mean_of_present, pixel_accuracy

FRAME_PIXELS = 256


@dataclass(frozen=True)
class ClassFigures:
    """One class over all faces; None where it is neither in the labels nor in what the parser says."""

    index: int
    name: str
    f_score: float | None
    iou: float | None
    pixels: int  # of the labels


@dataclass(frozen=True)
class ParsingFigures:
    """Over all known pixels of all faces together; means are over classes that have a figure."""

    faces: int
    classes: list[ClassFigures]
    mean_f_facial_parts: float | None  # brows, eyes, nose, lips, inner mouth
    mean_f: float | None
    mean_iou: float | None
    pixel_accuracy: float | None


def measure_parser(
    parser: nn.Module,
    parser_classes: int,
    faces: Faces,
    *,
    count: int | None = None,
    batch_size: int = 4,
    device: str = "cpu",
    progress: Callable[[int], object] = lambda faces: None,
) -> ParsingFigures:
    """`parser` takes bytes [B,3,256,256] and returns ids [B,1,256,256]; what it or the labels tell apart beyond the
    other is merged. Raises DataError for faces without maps, or with classes that no table joins to the parser's."""
    classes, of_labels, of_parser = common_classes(faces.parsing_classes, parser_classes)
    total = len(faces) if count is None else min(count, len(faces))
    counts = torch.zeros(classes, classes + 1, dtype=torch.long)
    for start in range(0, total, batch_size):
        rows = range(start, min(start + batch_size, total))
        images = torch.stack([image_of(faces, row) for row in rows]).to(device)
        labels = torch.stack([labels_of(faces, row) for row in rows]).long()
        with torch.no_grad():
            predicted = parser(images)[:, 0].long().cpu()
        counts += confusion(of_parser[predicted], of_labels[labels], classes)
        progress(len(rows))
    return figures_of(counts, total)


def common_classes(labelled: int, predicted: int) -> tuple[int, Tensor, Tensor]:
    """The smaller set of classes, and the tables [256] that bring labels and predictions there."""
    for classes in sorted({labelled, predicted}):
        tables = merge_table(labelled, classes), merge_table(predicted, classes)
        if tables[0] is not None and tables[1] is not None:
            return classes, torch.from_numpy(tables[0]).long(), torch.from_numpy(tables[1]).long()
    raise DataError(f"parsing maps of {labelled} classes cannot be compared with a parser of {predicted}")


def image_of(faces: Faces, row: int) -> Tensor:
    """[3,256,256] uint8."""
    picture, _ = resize(faces.image(row), faces.landmarks(row), FRAME_PIXELS)
    return torch.from_numpy(np.array(picture.transpose(2, 0, 1)))


def labels_of(faces: Faces, row: int) -> Tensor:
    """[256,256] uint8. Raises DataError."""
    parsing = faces.parsing(row)
    if parsing is None:
        raise DataError(f"face {row} has no parsing map; training.prepare makes folders with parsing/")
    size = (FRAME_PIXELS, FRAME_PIXELS)
    return torch.from_numpy(np.asarray(cv2.resize(parsing, size, interpolation=cv2.INTER_NEAREST_EXACT)))


def figures_of(counts: Tensor, faces: int) -> ParsingFigures:
    """Everything that follows from the confusion matrix."""
    scores, unions, pixels = f_scores(counts), intersections_over_unions(counts), counts.sum(dim=1)
    classes = [
        ClassFigures(index, name, finite(float(scores[index])), finite(float(unions[index])), int(pixels[index]))
        for index, name in enumerate(CLASS_SETS[len(counts)])
    ]
    return ParsingFigures(
        faces=faces,
        classes=classes,
        mean_f_facial_parts=finite(mean_of_present(scores[list(facial_parts(len(counts)))])),
        mean_f=finite(mean_of_present(scores)),
        mean_iou=finite(mean_of_present(unions)),
        pixel_accuracy=finite(pixel_accuracy(counts)),
    )


def finite(value: float) -> float | None:
    """None instead of NaN."""
    return value if math.isfinite(value) else None
