"""Our figures beside a paper's: which stand where, which orders hold, what is missing."""

from __future__ import annotations

from dataclasses import replace

from training.given import Answer, Given
from training.measuring import Row
from training.methods import Method
from training.papers import TABLES
from training.printed import Variant
from training.table_report import lay_beside, markdown

TABLE_3 = TABLES["lafin"].tables[2]


def nothing(given: Given) -> Answer:
    return Answer()


def rows(method: str, psnr: float, **others: float) -> list[Row]:
    figures = {"PSNR": psnr, **others}
    return [Row(kind, 0.2, method, {**figures, "PSNR": psnr - place}) for place, kind in enumerate(TABLE_3.holes)]


FULL = Method("lafin", nothing, 256, Variant("lafin"))
BARE = Method("bare", nothing, 256, Variant("lafin_without_attention"))
OTHER = Method("gfc", nothing, 128, Variant("gfc"))
TELEA = Method("telea", nothing)


def test_methods_of_the_table_and_those_without_learning_stand_beside() -> None:
    measured = [*rows("lafin", 30), *rows("gfc", 29), *rows("telea", 20)]
    beside = lay_beside("lafin", TABLE_3, [FULL, OTHER, TELEA], measured)
    assert list(beside.here) == ["lafin", "telea"]
    assert beside.here["lafin"]["PSNR"] == [30, 29, 28]
    assert beside.stands_for == {"lafin": "Ours"}


def test_an_order_that_does_not_hold_is_said_in_words() -> None:
    beside = lay_beside("lafin", TABLE_3, [FULL, BARE], [*rows("lafin", 30), *rows("bare", 30.25)])
    assert beside.broken[0] == (
        "PSNR, 10-20%: the paper has Ours ahead of w/o LSTA (31.48, 31.02); here it is 30.00, 30.25"
    )
    assert len(beside.broken) == 3
    assert "- Orders of the paper that do not hold here:" in markdown(beside, "here")


def test_a_lower_frechet_distance_is_ahead() -> None:
    column = "Frechet distance (inception 01234567)"
    measured = [*rows("lafin", 30, **{column: 5.0}), *rows("bare", 29, **{column: 4.0})]
    broken = lay_beside("lafin", TABLE_3, [FULL, BARE], measured).broken
    assert [words.partition(":")[0] for words in broken] == ["FID, 10-20%", "FID, 40-50%", "FID, Center"]
    assert broken[0].endswith("(2.050, 2.180); here it is 5.000, 4.000")


def test_orders_that_hold_and_those_nobody_can_see_are_told_apart() -> None:
    both = lay_beside("lafin", TABLE_3, [FULL, BARE], [*rows("lafin", 30), *rows("bare", 29)])
    assert "- Every order of these methods in the paper holds here." in markdown(both, "here")
    alone = lay_beside("lafin", TABLE_3, [FULL], rows("lafin", 30))
    assert "fewer than two of its methods are here" in markdown(alone, "here")
    again = replace(FULL, name="a run of it")
    twice = lay_beside("lafin", TABLE_3, [FULL, again], [*rows("lafin", 30), *rows("a run of it", 29)])
    assert "fewer than two of its methods are here" in markdown(twice, "here")


def test_the_markdown_has_the_papers_figures_ours_and_the_data() -> None:
    column = "feature distance (squeezenet1_1 01234567)"
    printed = TABLES["dsa"].tables[0]
    measured = [Row("box", 0.2, "dsa", {"PSNR": 20.126, "L1 %": 4.5, column: 1.25})]
    text = markdown(
        lay_beside("dsa", printed, [Method("dsa", nothing, 256, Variant("dsa"))], measured), "faces, 3 faces"
    )
    assert "Paper: CelebA-HQ, 2,000 test faces, 256 px;" in text
    assert "Here: faces, 3 faces." in text
    lines = [line for line in text.splitlines() if line.startswith("| PSNR")]
    assert lines == ["| PSNR | random box | 17.60 | 24.58 | 25.31 | 26.29 | 26.36 | 20.13 |"]
    assert f"- LPIPS is measured by {column}." in text
    assert "- SSIM is not measured: its network's file was not given." in text


def test_holes_that_were_not_measured_are_empty_cells() -> None:
    center = [row for row in (*rows("lafin", 30), *rows("bare", 31)) if row.holes == "center"]
    beside = lay_beside("lafin", TABLE_3, [FULL, BARE], center)
    assert beside.here["lafin"]["PSNR"] == [None, None, 28]
    assert [words.partition(":")[0] for words in beside.broken] == ["PSNR, Center"]
    assert "### Table 3 of lafin" in markdown(beside, "here")
    elsewhere = [row for row in rows("lafin", 30) if row.holes == "none"]
    assert not lay_beside("lafin", TABLE_3, [FULL, BARE], elsewhere).has_order()
