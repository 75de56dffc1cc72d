"""Every recipe of the paper is made two updates of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bench.full_width import RECIPES_AT_FULL_WIDTH, apart, run
from training.papers import RECIPES

README = Path(__file__).parents[2] / "training/papers/dsa/README.md"
GIGABYTES = {
    name: float(peak)
    for name, peak in re.findall(r"^\| `(\w+)` \| \d+ \| [\d.]+ \| ([\d.]+) \|$", README.read_text(), re.MULTILINE)
}


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


def test_the_rooms_readme_says_the_memory_of_each() -> None:
    assert set(GIGABYTES) == set(RECIPES_AT_FULL_WIDTH)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", RECIPES_AT_FULL_WIDTH)
def test_two_real_updates_at_full_width_take_the_memory_that_the_readme_says(name: str) -> None:
    """A quarter of a minute each on a free core, and three minutes at 1024 px."""
    row = apart(name, threads=1).split()
    assert row[0] == name
    assert float(row[-2]) == pytest.approx(GIGABYTES[name], rel=0.15)
