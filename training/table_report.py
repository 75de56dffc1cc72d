"""Our figures beside a paper's: the paper's rows and holes, every figure with its data set, and which orders hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.measuring import Row
from training.methods import Method
from training.metrics.perception import FEATURE_DISTANCE, LPIPS
from training.metrics.profiles import L1, PSNR, SSIM
from training.printed import HIGHER_IS_BETTER, PrintedTable
from training.report import number
from training.yardstick import FRECHET, IDENTITY

# A paper's metric -> how columns from here begin that stand beside it, the best first.
COLUMNS = {
    "PSNR": (PSNR,),
    "SSIM": (SSIM,),
    "L1 %": (L1,),
    "LPIPS": (f"{LPIPS} (", f"{FEATURE_DISTANCE} ("),
    "FID": (f"{FRECHET} (",),
    "identity": (f"{IDENTITY} (",),
}
DECIMALS = {"PSNR": 2, "SSIM": 4, "L1 %": 3, "LPIPS": 4, "FID": 3, "identity": 3}
Figures = dict[str, list[float | None]]  # metric -> a figure for each kind of holes, None = not measured


@dataclass(frozen=True)
class Beside:
    """One printed table with what was measured here."""

    paper: str
    printed: PrintedTable
    here: dict[str, Figures]  # method -> its figures
    stands_for: dict[str, str]  # method -> the paper's
    columns: dict[str, str]  # metric -> the column it was measured by; what is not measured is absent
    broken: list[str]  # orders of the paper that do not hold here, in words

    def has_order(self) -> bool:
        """Whether two of the paper's methods were measured under its holes here."""
        seen = {
            theirs
            for name, theirs in self.stands_for.items()
            if any(value is not None for values in self.here[name].values() for value in values)
        }
        return len(seen) >= 2

    def record(self) -> dict[str, object]:
        """For JSON."""
        printed = self.printed
        return {
            "paper": self.paper,
            "table": printed.name,
            "data": printed.data,
            "measured": printed.words,
            "holes": printed.holes,
            "printed": printed.figures,
            "here": self.here,
            "stands_for": self.stands_for,
            "columns": self.columns,
            "orders_that_do_not_hold": self.broken,
        }


def lay_beside(paper: str, printed: PrintedTable, methods: Sequence[Method], rows: Sequence[Row]) -> Beside:
    """Those methods that the table has a row of, and those without learning; holes that were not measured are None."""
    columns = {metric: column for metric in printed.figures if (column := column_of(metric, rows)) is not None}
    stands_for = {
        method.name: theirs for method in methods for theirs, ours in printed.ours.items() if method.variant == ours
    }
    shown = [method.name for method in methods if method.variant is None or method.name in stands_for]
    by_place = {(row.method, row.holes): row.figures for row in rows}
    here = {
        name: {
            metric: [by_place.get((name, kind), {}).get(columns.get(metric, "")) for kind in printed.holes]
            for metric in printed.figures
        }
        for name in shown
    }
    return Beside(paper, printed, here, stands_for, columns, list(broken_orders(printed, here, stands_for)))


def column_of(metric: str, rows: Sequence[Row]) -> str | None:
    """The column here that stands beside a paper's metric; None if nothing of it was measured."""
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    for beginning in COLUMNS[metric]:
        whole = not beginning.endswith("(")
        for name in names:
            if name == beginning if whole else name.startswith(beginning):
                return name
    return None


def broken_orders(printed: PrintedTable, here: dict[str, Figures], stands_for: dict[str, str]) -> Iterator[str]:
    """Pairs of the paper's methods that are the other way round here, metric by metric and hole by hole."""
    for metric, theirs in printed.figures.items():
        for place, words in enumerate(printed.holes.values()):
            known = [
                (theirs[stands_for[name]][place], figure, stands_for[name])
                for name in stands_for
                if stands_for[name] in theirs and (figure := here[name][metric][place]) is not None
            ]
            known.sort(key=lambda one: one[0], reverse=HIGHER_IS_BETTER[metric])  # the paper's best first
            for first, second in itertools.combinations(known, 2):
                if first[0] != second[0] and (first[0] > second[0]) != (first[1] > second[1]):
                    yield f"{metric}, {words}: {in_words(first, second, DECIMALS[metric])}"


def in_words(first: tuple[float, float, str], second: tuple[float, float, str], decimals: int) -> str:
    """Two methods, each (the paper's figure, ours, the paper's name), that change their order here."""
    paper, ours = (
        ", ".join(number(figure, decimals) for figure in figures)
        for figures in ((first[0], second[0]), (first[1], second[1]))
    )
    return f"the paper has {first[2]} ahead of {second[2]} ({paper}); here it is {ours}"


def markdown(beside: Beside, place: str) -> str:
    """The table: a line for each metric and kind of holes, the paper's methods first. `place` names the data here."""
    printed, theirs = beside.printed, beside.printed.methods()
    heads = [
        "metric",
        "holes",
        *(f"{name} (paper)" for name in theirs),
        *(f"**{name} (here)**" for name in beside.here),
    ]
    lines = [
        f"### {printed.name} of {beside.paper}",
        "",
        f"Paper: {'; '.join(filter(None, (printed.data, printed.words)))}. Here: {place}.",
        "",
        *table(heads, cells_of(beside, theirs)),
        "",
        *(f"- {name} (here) stands for the paper's {method}." for name, method in beside.stands_for.items()),
        *(f"- {metric} is measured by {beside.columns[metric]}." for metric in foreign(beside)),
        *(f"- {metric} is not measured: its network's file was not given." for metric in lacking(beside)),
        *orders(beside),
    ]
    return "\n".join(lines) + "\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]


def cells_of(beside: Beside, theirs: Sequence[str]) -> list[list[str]]:
    rows = []
    for metric, methods in beside.printed.figures.items():
        for place, words in enumerate(beside.printed.holes.values()):
            paper = [methods[name][place] if name in methods else None for name in theirs]
            here = [figures[metric][place] for figures in beside.here.values()]
            rows.append([metric, words, *(number(value, DECIMALS[metric]) for value in (*paper, *here))])
    return rows


def foreign(beside: Beside) -> list[str]:
    """Metrics whose column here has another name: it carries a network."""
    return [metric for metric, column in beside.columns.items() if metric != column]


def lacking(beside: Beside) -> list[str]:
    return [metric for metric in beside.printed.figures if metric not in beside.columns]


def orders(beside: Beside) -> list[str]:
    """What became of the paper's orders."""
    if not beside.has_order():
        return ["- No order of the paper can be looked at: fewer than two of its methods are here."]
    if not beside.broken:
        return ["- Every order of these methods in the paper holds here."]
    return ["- Orders of the paper that do not hold here:", *(f"  - {words}" for words in beside.broken)]
