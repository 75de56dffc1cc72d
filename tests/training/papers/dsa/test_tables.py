"""Every figure of Tables 1 to 5, row by row as the paper prints them."""

from __future__ import annotations

import pytest

from training.papers.dsa.tables import TABLES
from training.printed import PrintedTable

METRICS = ("L1 %", "PSNR", "SSIM", "LPIPS")

# L1 in percent, PSNR, SSIM, LPIPS; None where the table has no such column
ROWS: dict[str, dict[str, tuple[float | None, ...]]] = {
    "Table 1": {
        "PM": (5.82, 17.60, 0.7786, 0.2221),
        "CA": (1.82, 24.58, 0.8980, 0.0977),
        "PIC": (1.81, 25.31, 0.9023, 0.0897),
        "GConv": (1.89, 26.29, 0.8996, 0.0809),
        "Ours": (1.46, 26.36, 0.9107, 0.0706),
    },
    "Table 2": {"PEN-Net": (2.87, 24.53, 0.8369, 0.1701), "Ours": (2.28, 26.11, 0.8718, 0.1355)},
    "Table 3": {"CA instead of DSA": (1.64, 25.56, 0.9057, 0.0899), "Ours": (1.46, 26.36, 0.9107, 0.0706)},
    "Table 4": {
        "DSA without supervision": (None, 26.23, 0.9062, 0.0726),
        "DSA with supervision": (None, 26.36, 0.9107, 0.0706),
    },
    "Table 5": {
        "CA": (1.96, 24.30, 0.8896, 0.0869),
        "PIC": (1.88, 24.53, 0.9007, 0.0982),
        "GConv": (1.85, 24.93, 0.8879, 0.0879),
        "Ours": (1.50, 26.06, 0.9045, 0.0693),
    },
}

# what makes the paper's own row, and those of its ablations
OURS = {
    "Table 1": {"Ours": "dsa"},
    "Table 2": {"Ours": "dsa"},
    "Table 3": {"CA instead of DSA": "dsa_contextual_attention", "Ours": "dsa"},
    "Table 4": {"DSA without supervision": "dsa_without_supervision", "DSA with supervision": "dsa"},
    "Table 5": {"Ours": "dsa"},
}


def test_all_tables_are_there_in_the_papers_order() -> None:
    assert [table.name for table in TABLES.tables] == list(ROWS)
    assert [list(table.holes) for table in TABLES.tables] == [["box"], ["center"], ["box"], ["box"], ["box"]]


@pytest.mark.parametrize("table", TABLES.tables, ids=lambda table: table.name)
def test_figures_and_recipes_are_those_of_the_table(table: PrintedTable) -> None:
    rows = {
        method: tuple(table.figures.get(metric, {}).get(method, (None,))[0] for metric in METRICS)
        for method in table.methods()
    }
    assert rows == ROWS[table.name]
    assert {theirs: variant.recipe for theirs, variant in table.ours.items()} == OURS[table.name]
