"""The one table of all systems: budgets, figures, and the orders that do not hold."""

from __future__ import annotations

import pytest

from training.given import Answer
from training.measuring import Row
from training.methods import Method
from training.papers.gfc.tables import TABLES
from training.printed import Variant
from training.systems_table import budgets, in_words, systems_table, total
from training.table_report import lay_beside


def method(name: str, variant: Variant | None = None, **about: object) -> Method:
    return Method(name, lambda given: Answer(raw=given.image), 64, variant, about)


def row(method: str, holes: str, psnr: float, ssim: float) -> Row:
    return Row(holes, 0.2, method, {"PSNR": psnr, "SSIM": ssim, "L1 %": 1.0, "feature distance (some 01234567)": 1.5})


METHODS = [
    method("gfc", Variant("gfc"), images_seen={"g": 92_000}, minutes={"g": "60 on two CPU cores"}),
    method("m1", Variant("gfc_m1"), images_seen={"p": 1000, "g": 91_000}, minutes={"p": "1.5", "g": "58.5"}),
    method("telea"),
]
ROWS = [row("gfc", "O1", 20, 0.7), row("m1", "O1", 21, 0.8), row("telea", "O1", 19, 0.6), row("gfc", "O2", 22, 0.9)]


def test_a_line_tells_what_a_system_was_trained_with_and_how_well_it_does() -> None:
    text = systems_table(METHODS, ROWS, [], "faces, 2 faces")
    assert "faces, 2 faces. Under each kind of holes: PSNR / SSIM / feature distance (some 01234567)." in text
    assert "| system | images seen | minutes trained | O1 | O2 |" in text
    assert "| gfc | 92,000 | 60 on two CPU cores | 20.00 / 0.7000 / 1.500 | 22.00 / 0.9000 / 1.500 |" in text
    assert "| m1 | 1,000 + 91,000 | 1.5 + 58.5 | 21.00 / 0.8000 / 1.500 | - / - / - |" in text
    assert "| telea | - | - | 19.00 / 0.6000 / 1.500 | - / - / - |" in text
    assert "- Budgets: equal images; equal minutes." in text
    assert "No order of a paper can be looked at" in text


def test_orders_of_a_paper_that_do_not_hold_are_told_below() -> None:
    laid = lay_beside("gfc", TABLES.tables[0], METHODS, ROWS)
    text = systems_table(METHODS, ROWS, [laid], "faces")
    assert "- Table 1 of gfc: orders that do not hold here:" in text
    assert "  - SSIM, O1: the paper has M4 ahead of M1 (0.8040, 0.7980); here it is 0.7000, 0.8000" in text
    others = [row("gfc", "O1", 20, 0.9), row("m1", "O1", 21, 0.8)]
    laid = lay_beside("gfc", TABLES.tables[0], METHODS, others)
    assert "- Table 1 of gfc: every order of these systems holds here." in systems_table(
        METHODS, others, [laid], "faces"
    )


@pytest.mark.parametrize(
    ("totals", "words"),
    [
        ([100.0, 109.0], "equal images"),
        ([100.0, 2000.0, 300.0], "images are not equal, from 100 to 2,000"),
        ([100.0, None], "images are not known of all"),
    ],
)
def test_budgets_are_compared(totals: list[float | None], words: str) -> None:
    assert in_words("images", totals) == words


def test_a_budget_is_that_of_all_networks_together() -> None:
    assert total({"one": "12 on one GPU", "other": "1.5"}) == 13.5
    assert total({"one": 1_234, "other": None}) is None
    assert total({}) is None
    assert budgets([METHODS[0], METHODS[2]]) == []
