"""Recipes: the one that CONTRIBUTING shows, and parts that a recipe does not have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from training.papers import RECIPES
from training.papers.gfc import recipe as room
from training.recipe import Recipe, RecipeError

ROOT = Path(__file__).parents[2]


def test_the_recipe_of_the_guide_is_one() -> None:
    """Written into the room's file as it stands there: half as long as the demo, strokes alone."""
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## Write your own recipe")[2].partition("## ")[0]
    names = dict(vars(room))
    exec(re.findall(r"^```python\n(.*?)^```", section, re.M | re.S)[0], names)
    mine, demo = names["gfc_mine"](), RECIPES["gfc_demo"]()
    assert isinstance(mine, Recipe)
    assert mine.name == "gfc_mine"
    (part,), (whole,) = mine.parts, demo.parts
    assert [2 * stage.until_images for stage in part.stages] == [stage.until_images for stage in whole.stages]
    assert part.holes.parts == ((1.0, "irregular"),)


def test_a_part_that_is_not_there_is_named() -> None:
    with pytest.raises(RecipeError, match="recipe gfc_demo has no part 'critic'; it has generator"):
        RECIPES["gfc_demo"]().part("critic")
