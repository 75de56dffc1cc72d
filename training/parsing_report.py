"""The table and the JSON of `training.evaluate --model parser`."""

from __future__ import annotations

import dataclasses

from training.data.faces import Faces
from training.framed import frame_faces
from training.measuring_parsing import ParsingFigures, measure_parser
from training.report import Table, number, progress_bar
from training.systems import Repository, frame_pixels, open_system

PARSERS = ("parser",)  # systems that are measured by their parsing maps
DECIMALS = 4


def report_parser(name: str, models: Repository, faces: Faces, count: int | None, batch_size: int) -> dict[str, object]:
    """Measure, print one row per class and the means; the figures for JSON. Raises OpeningError or DataError."""
    system, framed = open_system(name, models), frame_faces(faces, frame_pixels(name), count)
    classes = len(models.parameters(name)["classes"].split(","))
    with progress_bar(len(framed)) as bar:
        figures = measure_parser(
            system, classes, framed, batch_size=batch_size, device=models.device, progress=bar.update
        )
    show(figures)
    return dataclasses.asdict(figures)


def show(figures: ParsingFigures) -> None:
    """A table of classes, then the means."""
    print(f"{figures.faces} faces; F-score and IoU over all known pixels together")
    table = Table("id", "class", "F", "IoU", "pixels")
    for one in figures.classes:
        scores = number(one.f_score, DECIMALS), number(one.iou, DECIMALS)
        table.row(str(one.index), one.name, *scores, str(one.pixels))
    print(f"mean F of brows, eyes, nose, lips and inner mouth: {number(figures.mean_f_facial_parts, DECIMALS)}")
    print(f"mean F of all classes: {number(figures.mean_f, DECIMALS)}")
    print(f"mean IoU: {number(figures.mean_iou, DECIMALS)}")
    print(f"pixel accuracy: {number(figures.pixel_accuracy, DECIMALS)}")
