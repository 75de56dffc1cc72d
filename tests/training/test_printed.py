"""The papers' tables as data: rows as long as their holes, recipes and holes that there are, figures by spot checks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training.metrics.profiles import PROFILES
from training.options import read_kinds
from training.papers import RECIPES, SYSTEMS, TABLES
from training.printed import PrintedTable


def one(paper: str, name: str) -> PrintedTable:
    return next(table for table in TABLES[paper].tables if table.name == name)


@pytest.mark.parametrize("paper", TABLES)
def test_what_a_table_names_is_there(paper: str) -> None:
    tables = TABLES[paper]
    assert tables.system in SYSTEMS
    assert tables.profile in PROFILES
    assert read_kinds(",".join(tables.kinds())) == tables.kinds()
    for table in tables.tables:
        assert {variant.recipe for variant in table.ours.values()} <= set(RECIPES)
        assert set(table.ours) <= set(table.methods())


def test_a_row_that_is_too_short_is_refused() -> None:
    with pytest.raises(AssertionError, match="Table 2: rows of"):
        replace(one("dsa", "Table 2"), holes={"center": "center", "box": "box"})


def test_figures_stand_where_the_papers_have_them() -> None:
    assert one("lafin", "Table 1").figures["FID"]["Ours"][-1] == 6.63  # center
    assert one("lafin", "Table 3").figures["PSNR"]["w/o LMK"] == (31.10, 23.75, 24.90)
    assert one("gfc", "Table 3").figures["identity"]["M5"][0] == 0.534
    assert one("dsa", "Table 5").figures["LPIPS"]["Ours"] == (0.0693,)
    assert one("reference", "Table 1").figures["SSIM"]["Ours"] == (0.833, 0.811, 0.740, 0.660, 0.571)
    assert one("showface", "Table 1, FFHQ").figures["FID"]["Ours"] == (2.473, 7.170, 13.748)
    assert one("showface", "Table 4").figures["PSNR"]["m=128"] == (35.772, 28.669, 24.177)
