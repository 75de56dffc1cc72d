"""Curves of runs as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from training.plot import COLOURS, LEFT, PANEL, Curve, app, draw, means, read_panels


def write_run(run: Path, part: str, factor: float) -> Path:
    folder = run / part
    folder.mkdir(parents=True)
    lines = [
        {"images_seen": seen, "time": "2026", "stage": 1, "images_per_second": 5.0, "pixel": factor * 8 / seen}
        for seen in (2, 4, 6, 8)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metrics.jsonl").write_text(text + '{"images_seen": 10, "pix')  # it is being written
    (folder / "validation.jsonl").write_text('{"images_seen": 8, "nme_percent": null, "hole": 3.5, "best": true}\n')
    return run


def test_runs_and_parts_are_curves_of_the_same_panels(tmp_path: Path) -> None:
    one, two = write_run(tmp_path / "one", "generator", 1.0), write_run(tmp_path / "two", "generator", 2.0)
    write_run(one, "predictor", 3.0)
    panels = read_panels([one, two])
    assert list(panels) == ["images_per_second", "pixel", "validation hole"]
    assert [curve.name for curve in panels["pixel"]] == ["one/generator", "one/predictor", "two/generator"]
    assert panels["pixel"][2].points == [(2, 8.0), (4, 4.0), (6, pytest.approx(16 / 6)), (8, 2.0)]
    assert read_panels([one / "generator"])["pixel"][0].name == "generator"


def coloured(panel: np.ndarray) -> np.ndarray:
    """Pixels [H,W] of the first curve, its soft edges left out."""
    return np.abs(panel.astype(int) - COLOURS[0]).sum(axis=2) < 100


def test_means_over_lines() -> None:
    assert means([(2, 1.0), (4, 3.0), (6, 7.0)], 2) == [(4, 2.0), (6, 7.0)]


@pytest.mark.parametrize("values", [(1.0, 0.0), (1.0, 0.01)], ids=["as it is", "powers of ten"])
def test_a_falling_curve_falls_from_corner_to_corner(values: tuple[float, float]) -> None:
    sheet = draw({"pixel": [Curve("run", [(0, values[0]), (100, values[1])])]})
    rows, columns = np.where(coloured(sheet[-PANEL[1] :]))
    assert columns.min() >= LEFT - 2
    left, right = rows[columns == columns.min()].mean(), rows[columns == columns.max()].mean()
    assert right - left > 0.7 * (PANEL[1] - 48)


def test_one_point_is_a_dot_and_one_value_no_division() -> None:
    sheet = draw({"pixel": [Curve("run", [(4, 1.0)])], "flat": [Curve("run", [(2, 0.0), (4, 0.0)])]})
    dot, flat = (coloured(sheet[-PANEL[1] :, start : start + PANEL[0]]) for start in (0, PANEL[0]))
    assert 10 < dot.sum() < 100
    assert flat.sum() > 100
    assert len(np.unique(np.where(flat)[0])) <= 3


def test_the_command_writes_a_picture(tmp_path: Path) -> None:
    run, output = write_run(tmp_path / "one", "generator", 1.0), tmp_path / "curves.png"
    done = CliRunner().invoke(app, [str(run), "--output", str(output), "--smooth", "2"])
    assert done.exit_code == 0, done.output
    assert "3 figures of one/generator" in done.output
    assert cv2.imread(str(output)).shape[1] == 3 * PANEL[0]


MISTAKES = {
    "nothing": ("has no metrics.jsonl, nor has a part in it", ""),
    "strange": ("metrics.jsonl holds other lines than a training writes", '["a"]\n{"b": 1}\n'),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_line(name: str, tmp_path: Path) -> None:
    words, text = MISTAKES[name]
    if text:
        (tmp_path / "metrics.jsonl").write_text(text)
    done = CliRunner().invoke(app, [str(tmp_path)])
    assert done.exit_code == 1
    assert words in str(done.exception)
