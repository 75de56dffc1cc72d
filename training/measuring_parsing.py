"""Figures of a system that parses on the parsing maps of a prepared folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from training.data.faces import DataError
from training.data.parsing import CLASS_SETS, HELEN, SHOWFACE, as_helen, facial_parts, merge_table
from training.framed import FramedFaces
from training.given import System
from training.metrics.regions import confusion, f_scores, intersections_over_unions, mean_of_present, pixel_accuracy


@dataclass(frozen=True)
class ClassFigures:
    """One class over all faces; NaN where it is neither in the labels nor in what the parser says."""

    index: int
    name: str
    f_score: float
    iou: float
    pixels: int  # of the labels


@dataclass(frozen=True)
class ParsingFigures:
    """Over all known pixels of all faces together; means are over classes that have a figure."""

    faces: int
    classes: list[ClassFigures]
    mean_f_facial_parts: float  # brows, eyes, nose, lips, inner mouth
    mean_f: float
    mean_iou: float
    pixel_accuracy: float


@torch.no_grad()
def measure_parser(
    system: System,
    parser_classes: int,
    faces: FramedFaces,
    *,
    batch_size: int = 4,
    device: str = "cpu",
    progress: Callable[[int], object] = lambda faces: None,
) -> ParsingFigures:
    """`system` answers with parsing maps, of faces without holes; what it or the labels tell apart beyond the other is
    merged. Raises DataError for faces without maps, or with classes that no table joins to the parser's."""
    classes, of_labels, of_parser = common_view(faces.faces.parsing_classes, parser_classes)
    counts = torch.zeros(classes, classes + 1, dtype=torch.long)
    for batch in faces.batches(batch_size, device):
        labels = torch.stack([labels_of(faces, place) for place in batch.places])
        parsing = system(batch.under("none", seed=0)).parsing
        assert parsing is not None, "the system does not parse"
        counts += confusion(of_parser(parsing[:, 0].cpu()), of_labels(labels), classes)
        progress(len(batch.places))
    return figures_of(counts, len(faces))


View = Callable[[Tensor], Tensor]  # class ids [B,H,W] uint8 -> ids of another set


def common_view(labelled: int, predicted: int) -> tuple[int, View, View]:
    """The smaller set of classes, and what brings labels and predictions there. Raises DataError."""
    for classes in sorted({labelled, predicted}):
        views = view(labelled, classes), view(predicted, classes)
        if views[0] is not None and views[1] is not None:
            return classes, views[0], views[1]
    raise DataError(f"parsing maps of {labelled} classes cannot be compared with a parser of {predicted}")


def view(present: int, wanted: int) -> View | None:
    """Maps of one set of classes as maps of another; None: there is no way."""
    table = merge_table(present, wanted)
    if table is not None:
        return lambda maps: torch.from_numpy(table)[maps.long()]
    if (present, wanted) == (len(SHOWFACE), len(HELEN)):
        return lambda maps: torch.from_numpy(np.stack([as_helen(one) for one in maps.numpy()]))
    return None


def labels_of(faces: FramedFaces, place: int) -> Tensor:
    """[F,F] uint8, the map of a face in the frame. Raises DataError."""
    row = faces.indices[place]
    parsing = faces.faces.parsing(row)
    if parsing is None:
        raise DataError(f"face {row} has no parsing map; training.prepare makes folders with parsing/")
    size = (faces.frame_pixels, faces.frame_pixels)
    return torch.from_numpy(np.asarray(cv2.resize(parsing, size, interpolation=cv2.INTER_NEAREST_EXACT)))


def figures_of(counts: Tensor, faces: int) -> ParsingFigures:
    """Everything that follows from the confusion matrix."""
    scores, unions, pixels = f_scores(counts), intersections_over_unions(counts), counts.sum(dim=1)
    classes = [
        ClassFigures(index, name, float(scores[index]), float(unions[index]), int(pixels[index]))
        for index, name in enumerate(CLASS_SETS[len(counts)])
    ]
    return ParsingFigures(
        faces=faces,
        classes=classes,
        mean_f_facial_parts=mean_of_present(scores[list(facial_parts(len(counts)))]),
        mean_f=mean_of_present(scores),
        mean_iou=mean_of_present(unions),
        pixel_accuracy=pixel_accuracy(counts),
    )
