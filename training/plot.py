"""Curves of trainings as a picture: python -m training.plot RUN... --output curves.png."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from training.errors import OptionError, one_line
from training.options import Version
from training.pictures import require_picture, write_picture
from training.program import Program

NOT_DRAWN = {"images_seen", "stage"}  # of a line; what is no number is not drawn either
PANEL = (480, 240)  # pixels, width and height, with its margins
ACROSS = 3
LEFT, RIGHT, TOP, BOTTOM = 76, 12, 24, 24  # pixels of a panel's margins
COLOURS = ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75))
GREY, BLACK, LETTERS = (200, 200, 200), (0, 0, 0), cv2.FONT_HERSHEY_SIMPLEX
LOG_FROM = 30.0  # a figure whose largest value is so many times its smallest is drawn over powers of ten

Points = list[tuple[float, float]]  # images seen, value

app = Program("training.plot")


@dataclass(frozen=True)
class Curve:
    """One figure of one part of one run."""

    name: str  # run/part
    points: Points


@app.command()
@one_line("training.plot")
def main(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders of their parts.")],
    output: Annotated[Path, typer.Option(help="The picture to write: .png or .jpg.")] = Path("curves.png"),
    smooth: Annotated[int, typer.Option(help="Draw means over so many lines.", min=1)] = 1,
    version: Version = False,
) -> None:
    """Draw every figure of metrics.jsonl and validation.jsonl over images seen: a panel each, all runs together."""
    require_picture(output)
    panels = read_panels(runs, smooth)
    write_picture(output, draw(panels))
    print(f"wrote {output}: {len(panels)} figures of {', '.join(names_of(panels))}")


def read_panels(runs: Sequence[Path], smooth: int = 1) -> dict[str, list[Curve]]:
    """Figure -> its curves. Raises OptionError where a run has no lines."""
    panels: dict[str, list[Curve]] = {}
    for run in runs:
        parts = [folder for folder in (run, *sorted(run.glob("*/"))) if (folder / "metrics.jsonl").is_file()]
        if not parts:
            raise OptionError(f"{run} has no metrics.jsonl, nor has a part in it: no training has reported there")
        for part in parts:
            name = run.name if part == run else f"{run.name}/{part.name}"
            for figure, points in read_points(part).items():
                panels.setdefault(figure, []).append(Curve(name, means(points, smooth)))
    return panels


def read_points(part: Path) -> dict[str, Points]:
    """Figure -> points, of a part's two files; the speed first. What is not finite is left out."""
    found: dict[str, Points] = {}
    for file, before in (("metrics.jsonl", ""), ("validation.jsonl", "validation ")):
        for line in read_lines(part / file):
            for figure, value in line.items():
                drawn = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                if drawn and figure not in NOT_DRAWN:
                    found.setdefault(before + figure, []).append((line["images_seen"], value))
    return found


def read_lines(path: Path) -> list[dict[str, float]]:
    """The whole lines of a file that may be written to meanwhile; none without it. Raises OptionError."""
    if not path.is_file():
        return []
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        return [{"images_seen": line["images_seen"], **line} for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise OptionError(f"{path} holds other lines than a training writes") from error


def means(points: Points, count: int) -> Points:
    """Means over `count` points, the last group perhaps smaller."""
    groups = [points[start : start + count] for start in range(0, len(points), count)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


def names_of(panels: dict[str, list[Curve]]) -> list[str]:
    """Every name of a curve, once; its place is its colour."""
    return list(dict.fromkeys(curve.name for curves in panels.values() for curve in curves))


def draw(panels: dict[str, list[Curve]]) -> NDArray[np.uint8]:
    """[H,W,3] uint8 RGB: a line of names, then the panels, three in a row."""
    names = names_of(panels)
    width, height = PANEL
    columns = min(ACROSS, len(panels))
    rows = -(-len(panels) // columns)
    head = 20 * len(names) + 8
    sheet = np.full((head + rows * height, columns * width, 3), 255, np.uint8)
    for place, name in enumerate(names):
        cv2.line(sheet, (8, 20 * place + 14), (32, 20 * place + 14), colour(place), 2, cv2.LINE_AA)
        cv2.putText(sheet, name, (40, 20 * place + 18), LETTERS, 0.45, BLACK, 1, cv2.LINE_AA)
    for place, (figure, curves) in enumerate(panels.items()):
        y, x = head + place // columns * height, place % columns * width
        draw_panel(sheet[y : y + height, x : x + width], figure, curves, names)
    return sheet


def draw_panel(panel: NDArray[np.uint8], figure: str, curves: Sequence[Curve], names: Sequence[str]) -> None:
    """Frame, title, the ends of both axes, and the curves."""
    height, width = panel.shape[:2]
    values = [value for curve in curves for _, value in curve.points]
    scaled = math.log10 if min(values) > 0 and max(values) > LOG_FROM * min(values) else float
    low, high = scaled(min(values)), scaled(max(values))
    last = max(curve.points[-1][0] for curve in curves)
    cv2.rectangle(panel, (LEFT, TOP), (width - RIGHT, height - BOTTOM), GREY, 1)
    title = figure + (", powers of ten" if scaled is not float else "")
    cv2.putText(panel, title, (LEFT, TOP - 8), LETTERS, 0.45, BLACK, 1, cv2.LINE_AA)
    for text, at in (
        (f"{max(values):.4g}", (4, TOP + 10)),
        (f"{min(values):.4g}", (4, height - BOTTOM)),
        (f"{last:,} images", (width - RIGHT - 110, height - 8)),
    ):
        cv2.putText(panel, text, at, LETTERS, 0.38, BLACK, 1, cv2.LINE_AA)
    for curve in curves:
        line = [
            (
                LEFT + round((width - LEFT - RIGHT) * seen / max(last, 1)),
                height - BOTTOM - round((height - TOP - BOTTOM) * (scaled(value) - low) / ((high - low) or 1)),
            )
            for seen, value in curve.points
        ]
        points = np.array(line * 2 if len(line) == 1 else line, np.int32)
        cv2.polylines(panel, [points], False, colour(names.index(curve.name)), 1 if len(line) > 1 else 5, cv2.LINE_AA)


def colour(place: int) -> tuple[int, int, int]:
    return COLOURS[place % len(COLOURS)]


if __name__ == "__main__":
    app()
