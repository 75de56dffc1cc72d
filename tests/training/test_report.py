"""Reports: rows of a table as they come, cells without a figure, JSON that any reader takes."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from training.report import Table, number, progress_bar, write_json


@dataclass(frozen=True)
class Figures:
    name: str
    value: float


def test_a_table_is_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("holes", "PSNR")
    table.row("center", "20.00")
    assert capsys.readouterr().out == "| holes | PSNR |\n| --- | --- |\n| center | 20.00 |\n"
    with pytest.raises(AssertionError):
        table.row("center")


def test_rows_and_a_progress_bar_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(2) as bar:
        table = Table("holes")
        bar.update(2)
        table.row("center")
    assert capsys.readouterr().out.splitlines() == ["| holes |", "| --- |", "| center |"]


@pytest.mark.parametrize(
    ("value", "cell"), [(1.23456, "1.235"), (0.0, "0.000"), (math.inf, "inf"), (math.nan, "-"), (None, "-")]
)
def test_cells(value: float | None, cell: str) -> None:
    assert number(value, 3) == cell


def test_json_has_null_where_a_figure_is_not_finite(tmp_path: Path) -> None:
    file = tmp_path / "new" / "figures.json"
    write_json(file, {"rows": [Figures("one", math.inf), Figures("two", 2.5)], "mean": {"F": math.nan, "n": 3}})
    assert json.loads(file.read_text()) == {
        "rows": [{"name": "one", "value": None}, {"name": "two", "value": 2.5}],
        "mean": {"F": None, "n": 3},
    }


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(None, {"value": 1.0})
    assert list(tmp_path.iterdir()) == []
