"""How well a parser reads what GFC's parsing loss shows it: python -m training.seen_parsing --data D --parser P."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer

from training.data.faces import Faces, open_split
from training.data.stream import Wants, batches
from training.errors import one_line
from training.frozen.parsers import FaceParser
from training.measuring_parsing import ParsingFigures, common_view, figures_of
from training.metrics.regions import confusion
from training.options import DataFolder, Split, Version
from training.papers.gfc.recipe import gfc
from training.papers.gfc.step import parse
from training.program import Program
from training.train import frozen_parser

BATCH = 6

app = Program("training.seen_parsing")


@app.command()
@one_line("training.seen_parsing")
def main(
    data: DataFolder,
    parser: Annotated[Path, typer.Option(help="Snapshot of the parser, or TorchScript, as --parser of a training.")],
    split: Split = "validation",
    rounds: Annotated[int, typer.Option(help="How often each face is moved anew.", min=1)] = 2,
    version: Version = False,
) -> None:
    """Mean F of facial parts, of whole faces as the recipe gfc moves them, at the size that the parser is shown."""
    faces = open_split(data, split)
    figures = measure(frozen_parser(parser), faces, rounds * len(faces))
    print(
        f"faces {figures.faces}, mean F of facial parts {figures.mean_f_facial_parts:.4f}, of all {figures.mean_f:.4f}"
    )


@torch.no_grad()
def measure(parser: FaceParser, faces: Faces, count: int) -> ParsingFigures:
    """`count` faces of the row of the recipe `gfc`, without holes; classes are those that both have.

    Raises DataError where parser and maps have no set of classes in common.
    """
    part = gfc().part("generator")
    predicted = parser(torch.zeros(1, 3, *[parser.pixels or part.stages[-1].pixels] * 2)).shape[1]
    classes, of_labels, of_parser = common_view(faces.parsing_classes, predicted)
    wants = Wants(parsing_classes=faces.parsing_classes)
    stream = part.stream(faces, replace(part, wants=wants), part.stages[-1])
    counts, left = torch.zeros(classes, classes + 1, dtype=torch.long), count
    for batch in batches(stream, start=0, batch_size=BATCH, workers=0):
        assert batch.parsing is not None
        logits = parse(parser, 2 * batch.image - 1)[:left]
        labels = F.interpolate(batch.parsing[:left, None].float(), size=logits.shape[2:], mode="nearest")[:, 0]
        counts += confusion(of_parser(logits.argmax(dim=1).to(torch.uint8)), of_labels(labels.to(torch.uint8)), classes)
        left -= BATCH
        if left <= 0:
            break
    return figures_of(counts, count)


if __name__ == "__main__":
    app()
