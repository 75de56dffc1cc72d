"""Comparing evaluations: one table, paired differences, and what is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from training.compare import app

FACES = 40
BASE = np.random.default_rng(0).normal(22, 3, FACES)


def row(method: str, values: list[float], holes: str = "center") -> dict[str, Any]:
    figures = {"PSNR": float(np.mean(values)), "Frechet distance (x 01234567)": 3.5}
    values_of = {"PSNR": values}
    return {"holes": holes, "method": method, "figures": figures, "values": values_of, "holes_sha256": f"{holes} 0"}


def record(*rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": 1,
        "model": rows[0]["method"],
        "frame_pixels": 256,
        "faces": FACES,
        "data": {"name": "faces", "sha256": "0"},
        "split": "validation",
        "pictures": [{"name": str(place), "sha256": str(place)} for place in range(FACES)],
        "holes_seed": 0,
        "profile": "standard",
        "rows": list(rows),
    }


ONE = record(row("lafin", BASE.tolist()), row("telea", (BASE - 4).tolist()))
OTHER = record(row("gfc", (BASE - 0.2 + np.random.default_rng(1).normal(0, 0.3, FACES)).tolist()))


def run(folder: Path, *records: dict[str, Any], options: tuple[object, ...] = ()):
    files = [folder / f"{place}.json" for place in range(len(records))]
    for file, one in zip(files, records, strict=True):
        file.write_text(json.dumps(one))
    return CliRunner().invoke(app, [*map(str, files), *map(str, options)])


def test_all_methods_stand_in_one_table_and_every_pair_is_compared(tmp_path: Path) -> None:
    result = run(tmp_path, ONE, OTHER, options=("--output", tmp_path / "compared.json"))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert f"| center | gfc | {np.mean(OTHER['rows'][0]['values']['PSNR']):.2f} | 3.5000 |" in lines
    compared = json.loads((tmp_path / "compared.json").read_text())["compared"]
    assert [(one["first"], one["second"]) for one in compared] == [
        ("lafin", "telea"),
        ("lafin", "gfc"),
        ("telea", "gfc"),
    ]
    said = compared[1]["difference"]
    assert 0 < said["low"] < said["mean"] < said["high"] < 0.5
    assert said["p"] < 0.01
    assert said["faces"] == FACES
    assert "| center | PSNR | lafin | telea | +4.00 | 4.00 to 4.00 | < 0.001 | 40 |" in lines


def test_a_pair_can_be_named_and_turned(tmp_path: Path) -> None:
    result = run(tmp_path, ONE, OTHER, options=("--methods", "telea,lafin"))
    assert [line for line in result.stdout.splitlines() if "| PSNR | " in line][-1].startswith(
        "| center | PSNR | telea | lafin | -4.00 |"
    )


def test_one_method_measured_twice_is_told_apart_by_its_file(tmp_path: Path) -> None:
    later = copy.deepcopy(ONE)
    later["rows"][0]["values"]["PSNR"] = (BASE + 1).tolist()
    result = run(tmp_path, ONE, later)
    assert "lafin (" in result.stdout
    assert "/1)" in result.stdout
    assert "telea (" not in result.stdout  # the same figures


def changed(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(OTHER), **fields}


OTHER_HOLES = copy.deepcopy(OTHER)
OTHER_HOLES["rows"][0]["holes_sha256"] = "center 1"
REFUSED = {
    "other holes of the kind center (seeds 0 and 0)": OTHER_HOLES,
    "other faces": changed(pictures=OTHER["pictures"][1:]),
    "other frames (--frame PIXELS makes them alike)": changed(frame_pixels=128),
    "other profiles of metrics": changed(profile="lafin"),
    "is no JSON of training.evaluate, or of another version": changed(format=None),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path: Path, words: str) -> None:
    result = run(tmp_path, ONE, REFUSED[words])
    assert result.exit_code == 1
    assert words in str(result.exception.code)


def test_files_of_something_else_and_unknown_methods_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("no json")
    result = CliRunner().invoke(app, [str(tmp_path / "text.json")])
    assert "text.json is no JSON of training.evaluate" in str(result.exception.code)
    assert "unknown method 'dsa'" in str(run(tmp_path, ONE, options=("--methods", "dsa,lafin")).exception.code)
    assert "name two methods" in str(run(tmp_path, ONE, options=("--methods", "lafin")).exception.code)


def test_holes_that_only_one_file_has_are_shown_and_not_compared(tmp_path: Path) -> None:
    result = run(tmp_path, record(row("lafin", BASE.tolist())), record(row("gfc", BASE.tolist(), "20-40")))
    assert result.exit_code == 0, result.output
    assert "nothing is compared" in result.stdout


def test_holes_are_compared_among_all_files_not_only_with_the_first(tmp_path: Path) -> None:
    result = run(tmp_path, record(row("dsa", BASE.tolist(), "20-40")), ONE, OTHER_HOLES)
    assert "1.json and " in str(result.exception.code)
    assert "other holes of the kind center" in str(result.exception.code)
