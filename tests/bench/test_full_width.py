"""Every recipe of the paper is made two updates of."""

from __future__ import annotations

from tests.bench.full_width import RECIPES_AT_FULL_WIDTH, run
from training.papers import RECIPES


def test_all_recipes_of_the_paper_are_tried() -> None:
    ours = ("_demo", "_tiny")
    assert set(RECIPES_AT_FULL_WIDTH) == {
        name for name in RECIPES if name.startswith("dsa") and not name.endswith(ours)
    }


def test_a_row_says_size_figures_time_and_memory() -> None:
    row = run("dsa_tiny").split()
    assert row[:3] == ["dsa_tiny", "128", "px"]
    assert row[3:5] == ["18", "figures"]  # seven discriminators with their penalties, and the four terms of Eq. 10
    assert float(row[7]) > 0
