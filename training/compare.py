"""Several evaluations in one table, and two methods compared face by face: python -m training.compare --help."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from training import options
from training.errors import OptionError, one_line
from training.evaluation import DECIMALS, FORMAT, OTHER_DECIMALS
from training.metrics.bootstrap import Difference, compare
from training.options import Version
from training.program import Program
from training.report import NOTHING, Table, number, write_json

Record = dict[str, Any]

app = Program("training.compare")


@dataclass(frozen=True)
class Measured:
    """One method under one kind of holes, as a file has it."""

    method: str
    holes: str
    figures: dict[str, float | None]
    values: dict[str, list[float | None]]
    holes_sha256: str

    def of(self, column: str) -> list[float]:
        """Each face's figure; what JSON has no number for is not a number."""
        return [math.nan if value is None else value for value in self.values[column]]


@dataclass(frozen=True)
class Compared:
    """Two methods by one figure, on the same faces under the same holes."""

    holes: str
    figure: str
    first: str
    second: str
    difference: Difference


@app.command()
@one_line("training.compare")
def main(
    files: Annotated[list[Path], typer.Argument(help="JSON of training.evaluate --output or --report.")],
    methods: Annotated[
        str | None, typer.Option(help="Only these two, joined by a comma; every pair if none are named.")
    ] = None,
    output: options.Output = None,
    version: Version = False,
) -> None:
    """One table of all files' methods; then every pair of them, the difference of each figure on the same faces.

    The interval holds the true difference with 95 % (bootstrap over faces); p says how often one as large comes by
    chance (permutation of signs). Files of other faces, holes or profiles are refused.
    """
    records = [read(file) for file in files]
    require_alike(files, records)
    measured = collect(files, records)
    show_table(measured)
    compared = list(compare_all(measured, pairs(measured, methods)))
    show_pairs(compared)
    first = records[0]
    about = {name: first[name] for name in ("data", "split", "faces", "frame_pixels", "holes_seed", "profile")}
    write_json(output, {**about, "files": [file.name for file in files], "compared": compared})


def read(file: Path) -> Record:
    """One evaluation. Raises OptionError for what is none."""
    try:
        record = json.loads(file.read_text())
    except (ValueError, UnicodeDecodeError) as error:
        raise OptionError(f"{file} is no JSON of training.evaluate: {error}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise OptionError(f"{file} is no JSON of training.evaluate, or of another version; measure it again")
    return record


def require_alike(files: Sequence[Path], records: Sequence[Record]) -> None:
    """OptionError unless all have measured the same faces, in one frame, by one profile, under the same holes."""
    first, seen = records[0], dict[str, tuple[Path, Record]]()
    for file, record in zip(files, records, strict=True):
        for words, one, other in (
            ("faces", faces_of(first), faces_of(record)),
            ("frames", first["frame_pixels"], record["frame_pixels"]),
            ("profiles of metrics", first["profile"], record["profile"]),
        ):
            if one != other:
                raise OptionError(f"{files[0]} and {file} have other {words}{hint(words)}; they cannot be compared")
        for kind, digest in holes_of(record).items():
            before, known = seen.setdefault(kind, (file, record))
            if holes_of(known)[kind] != digest:
                seeds = f"seeds {known['holes_seed']} and {record['holes_seed']}"
                raise OptionError(
                    f"{before} and {file} have other holes of the kind {kind} ({seeds}); they cannot be compared"
                )


def hint(words: str) -> str:
    return " (--frame PIXELS makes them alike)" if words == "frames" else ""


def faces_of(record: Record) -> list[str]:
    """Which faces, by their pixels, in their order."""
    return [picture["sha256"] for picture in record["pictures"]]


def holes_of(record: Record) -> dict[str, str]:
    return {row["holes"]: row["holes_sha256"] for row in record["rows"]}


def collect(files: Sequence[Path], records: Sequence[Record]) -> list[Measured]:
    """All rows; a method that several files have is called after each file, unless both found the same."""
    found: dict[tuple[str, str], Measured] = {}
    for file, record in zip(files, records, strict=True):
        for row in record["rows"]:
            one = Measured(row["method"], row["holes"], row["figures"], row["values"], row["holes_sha256"])
            before = found.get((one.method, one.holes))
            if before is not None and before.values != one.values:
                name = f"{one.method} ({file.parent.name}/{file.stem})"
                one = Measured(name, one.holes, one.figures, one.values, one.holes_sha256)
            found[one.method, one.holes] = one
    return list(found.values())


def show_table(measured: Sequence[Measured]) -> None:
    """Means, sorted by holes, in the order of the files."""
    columns = list(dict.fromkeys(name for one in measured for name in one.figures))
    table = Table("holes", "method", *columns)
    kinds = list(dict.fromkeys(one.holes for one in measured))
    for one in sorted(measured, key=lambda one: kinds.index(one.holes)):
        cells = (number(one.figures.get(name), DECIMALS.get(name, OTHER_DECIMALS)) for name in columns)
        table.row(one.holes, one.method, *cells)


def pairs(measured: Sequence[Measured], methods: str | None) -> list[tuple[str, str]]:
    """Which methods are compared. Raises OptionError."""
    names = list(dict.fromkeys(one.method for one in measured))
    if methods is None:
        return list(itertools.combinations(names, 2))
    wanted = [name.strip() for name in methods.split(",")]
    for name in wanted:
        options.require(name, names, "method")
    if len(set(wanted)) != 2:
        raise OptionError(f"--methods {methods}: name two methods, such as {','.join(names[:2])}")
    return [(wanted[0], wanted[1])]


def compare_all(measured: Sequence[Measured], wanted: Sequence[tuple[str, str]]) -> Iterator[Compared]:
    """Each pair, figure by figure, under each kind of holes that both have seen."""
    by_place = {(one.method, one.holes): one for one in measured}
    for first, second in wanted:
        for kind in dict.fromkeys(one.holes for one in measured):
            one, other = by_place.get((first, kind)), by_place.get((second, kind))
            if one is None or other is None:
                continue
            for column in one.values:
                said = compare(one.of(column), other.of(column)) if column in other.values else None
                if said is not None:
                    yield Compared(kind, column, first, second, said)


def show_pairs(compared: Sequence[Compared]) -> None:
    """A line for each figure of each pair."""
    if not compared:
        print("\nno two methods have the same holes and two faces or more: nothing is compared")
        return
    print("\nFirst less second, mean over the same faces under the same holes; 95 % interval; p of chance:")
    table = Table("holes", "figure", "first", "second", "difference", "95 %", "p", "faces")
    for one in compared:
        said, decimals = one.difference, DECIMALS.get(one.figure, OTHER_DECIMALS)
        edges = f"{number(said.low, decimals)} to {number(said.high, decimals)}"
        p = "< 0.001" if said.p < 0.001 else f"{said.p:.3f}" if math.isfinite(said.p) else NOTHING
        table.row(one.holes, one.figure, one.first, one.second, f"{said.mean:+.{decimals}f}", edges, p, str(said.faces))


if __name__ == "__main__":
    app()
