"""The table and the JSON of `training.evaluate --model parser`."""

from __future__ import annotations

import dataclasses

from tqdm import tqdm

from training.data.faces import Faces
from training.measuring_parsing import ParsingFigures, measure_parser
from training.systems import Repository

PARSERS = ("parser",)


def report_parser(
    model: str, models: Repository, faces: Faces, *, count: int | None, batch_size: int
) -> dict[str, object]:
    """Measure, print one row a class and the means; the figures for JSON. Raises OpeningError or DataError."""
    classes = len(models.parameters(model)["classes"].split(","))
    with tqdm(total=len(faces) if count is None else min(count, len(faces)), unit="face", leave=False) as bar:
        figures = measure_parser(
            models.open(model),
            classes,
            faces,
            count=count,
            batch_size=batch_size,
            device=models.device,
            progress=bar.update,
        )
    for line in lines_of(figures):
        print(line)
    return {**dataclasses.asdict(figures), "weights": models.fingerprints([model])}


def lines_of(figures: ParsingFigures) -> list[str]:
    """A table of classes, then the means."""
    rows = [
        f"| {one.index} | {one.name} | {cell(one.f_score)} | {cell(one.iou)} | {one.pixels} |"
        for one in figures.classes
    ]
    return [
        f"{figures.faces} faces; F-score and IoU over all known pixels together",
        "| id | class | F | IoU | pixels |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        f"mean F of brows, eyes, nose, lips and inner mouth: {cell(figures.mean_f_facial_parts)}",
        f"mean F of all classes: {cell(figures.mean_f)}",
        f"mean IoU: {cell(figures.mean_iou)}",
        f"pixel accuracy: {cell(figures.pixel_accuracy)}",
    ]


def cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
