"""One table of all systems and their ablations: what each was trained with, and its figures under all holes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from training.measuring import Row
from training.methods import Method, Record
from training.metrics.perception import FEATURE_DISTANCE, LPIPS
from training.metrics.profiles import PSNR, SSIM
from training.report import NOTHING, number
from training.table_report import Beside, table

DECIMALS = {PSNR: 2, SSIM: 4}
DISTANCE_DECIMALS = 3
ALIKE = 1.1  # budgets apart by at most this factor count as equal


def systems_table(methods: Sequence[Method], rows: Sequence[Row], beside: Sequence[Beside], place: str) -> str:
    """Markdown: a line for each method, whether the budgets are equal, and the papers' orders that do not hold here."""
    columns, kinds = figures_of(rows), list(dict.fromkeys(row.holes for row in rows))
    by_place = {(row.method, row.holes): row.figures for row in rows}
    lines = [
        [
            method.name,
            images(method.about),
            spent(method.about),
            *(cell(by_place, method, kind, columns) for kind in kinds),
        ]
        for method in methods
    ]
    parts = [
        "### All systems",
        "",
        f"{place}. Under each kind of holes: {' / '.join(columns)}.",
        "",
        *table(["system", "images seen", "minutes trained", *kinds], lines),
        "",
        *budgets(methods),
        *orders(beside),
    ]
    return "\n".join(parts) + "\n"


def figures_of(rows: Sequence[Row]) -> list[str]:
    """PSNR, SSIM and, where a network's file was given, LPIPS or the feature distance."""
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    return [name for name in names if name in DECIMALS or name.startswith((f"{LPIPS} (", f"{FEATURE_DISTANCE} ("))]


def cell(by_place: dict[tuple[str, str], dict[str, float]], method: Method, kind: str, columns: Sequence[str]) -> str:
    figures = by_place.get((method.name, kind), {})
    return " / ".join(number(figures.get(name), DECIMALS.get(name, DISTANCE_DECIMALS)) for name in columns)


def images(about: Record) -> str:
    """Of each network that a method runs; a dash for what learns nothing, `?` for a snapshot that does not say."""
    seen = about.get("images_seen", {})
    return " + ".join("?" if count is None else f"{count:,}" for count in seen.values()) or NOTHING


def spent(about: Record) -> str:
    """Minutes of each network, as its run or its card says."""
    told = about.get("minutes", {})
    return " + ".join("?" if words is None else words for words in told.values()) or NOTHING


def budgets(methods: Sequence[Method]) -> list[str]:
    """Whether those that learn had the same budget, by all of their networks together; nothing of fewer than two."""
    learnt = [method.about for method in methods if method.about.get("images_seen")]
    if len(learnt) < 2:
        return []
    said = [
        in_words("images", [total(about["images_seen"]) for about in learnt]),
        in_words("minutes", [total(about.get("minutes", {})) for about in learnt]),
    ]
    return [f"- Budgets: {'; '.join(said)}.", ""]


def total(told: dict[str, int | str | None]) -> float | None:
    """Of all networks; None where one of them, or all, do not say. `12 on one GPU` counts as 12."""
    found = [re.match(r"[\d.,]+", str(words)) for words in told.values()]
    known = [float(one[0].replace(",", "")) for one in found if one is not None]
    return sum(known) if known and len(known) == len(found) else None


def in_words(unit: str, totals: Sequence[float | None]) -> str:
    known = [one for one in totals if one is not None]
    if len(known) < len(totals):
        return f"{unit} are not known of all"
    low, high = min(known), max(known)
    return f"equal {unit}" if high <= ALIKE * low else f"{unit} are not equal, from {low:,.0f} to {high:,.0f}"


def orders(beside: Sequence[Beside]) -> list[str]:
    """Of every paper's table whose methods are here: what of its order does not hold."""
    if not beside:
        return ["- No order of a paper can be looked at: none has two of these systems under these holes."]
    return [line for one in beside for line in orders_of(one)]


def orders_of(one: Beside) -> list[str]:
    name = f"{one.printed.name} of {one.paper}"
    if not one.broken:
        return [f"- {name}: every order of these systems holds here."]
    return [f"- {name}: orders that do not hold here:", *(f"  - {words}" for words in one.broken)]
