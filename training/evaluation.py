"""One evaluation: its table as it comes, its JSON, and a folder with all of it for readers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.checkpoint import write_atomically
from training.choosing import ALL, Chosen
from training.framed import FramedFaces
from training.measuring import Row, measure
from training.pictures import write_picture
from training.report import Table, number, progress_bar, write_json
from training.side_by_side import compare_pictures
from training.systems_table import systems_table
from training.table_report import Beside, lay_beside, markdown, table
from training.yardstick import NME, SPREAD, Yardstick

DECIMALS = {"PSNR": 2, "SSIM": 4, "L1 %": 3, "hole PSNR": 2, "hole L1 %": 3, NME: 2, SPREAD: 2}
OTHER_DECIMALS = 4
SHEET_FACES = 12  # rows of the sheet of pictures

FORMAT = 1  # of the JSON: training.compare reads this one


@dataclass(frozen=True)
class Evaluation:
    """Methods on faces under kinds of holes."""

    chosen: Chosen
    faces: FramedFaces
    seed: int
    yardstick: Yardstick
    batch_size: int
    device: str

    def show(self) -> list[Row]:
        """Print the table row by row, with a progress bar beside it; all rows."""
        columns, kinds = self.yardstick.columns(), self.chosen.kinds
        systems = {method.name: method.system for method in self.chosen.methods}
        words = self.yardstick.profile.words
        print(f"{len(self.faces)} faces at {self.faces.frame_pixels} px; {words}; holes from seed {self.seed}")
        shown, rows = Table("holes", "hole ratio", "method", *columns), []
        with progress_bar(len(self.faces) * len(kinds)) as bar:
            for row in measure(
                systems,
                self.faces,
                kinds,
                self.seed,
                self.yardstick,
                batch_size=self.batch_size,
                device=self.device,
                progress=bar.update,
            ):
                shown.row(*cells(row, columns))
                rows.append(row)
        for beside in self.beside(rows):
            print(f"\n{markdown(beside, self.place())}", end="")
        if self.chosen.name == ALL:
            print(f"\n{self.systems(rows)}", end="")
        return rows

    def systems(self, rows: list[Row]) -> str:
        """The one table of all systems."""
        return systems_table(self.chosen.methods, rows, self.beside(rows), self.place())

    def beside(self, rows: list[Row]) -> list[Beside]:
        """The paper's tables, where one was asked for; of all systems, those that have an order to look at."""
        laid = [lay_beside(paper, table, self.chosen.methods, rows) for paper, table in self.chosen.printed()]
        return [one for one in laid if self.chosen.paper or one.has_order()]

    def place(self) -> str:
        """Where the figures are from, and how they are taken, in words."""
        folder = getattr(self.faces.faces, "folder", None)
        name = "drawn faces" if folder is None else folder.resolve().name
        faces = f"{name}, {len(self.faces)} faces, {self.faces.frame_pixels} px"
        return f"{faces}, holes from seed {self.seed}, profile {self.yardstick.profile.name}"

    def record(self, rows: list[Row], described: dict[str, Any]) -> dict[str, Any]:
        """What another machine needs for the same holes, and all that was found."""
        return {
            "format": FORMAT,
            **self.chosen.about(),
            **described,
            "holes_seed": self.seed,
            "profile": self.yardstick.profile.name,
            "networks": self.yardstick.record(),
            "rows": rows,
            "paper": self.chosen.paper,
            "tables": [beside.record() for beside in self.beside(rows)],
        }


def cells(row: Row, columns: list[str]) -> list[str]:
    figures = (number(row.figures.get(name), DECIMALS.get(name, OTHER_DECIMALS)) for name in columns)
    return [row.holes, f"{row.hole_ratio:.3f}", row.method, *figures]


def cells_with_intervals(row: Row, columns: list[str]) -> list[str]:
    """As `cells`, with the 95 % interval of each mean behind it."""
    texts = []
    for name, cell in zip(columns, cells(row, columns)[3:], strict=True):
        decimals = DECIMALS.get(name, OTHER_DECIMALS)
        edges = row.intervals.get(name)
        texts.append(cell if edges is None else f"{cell} [{', '.join(number(edge, decimals) for edge in edges)}]")
    return [row.holes, f"{row.hole_ratio:.3f}", row.method, *texts]


def write_report(folder: Path, evaluation: Evaluation, rows: list[Row], figures: dict[str, Any]) -> None:
    """figures.json, tables.md and sheet.jpg; of all systems their one table, too, as systems.md."""
    text = report_text(evaluation, rows, figures)
    write_json(folder / "figures.json", figures)
    write_atomically(folder / "tables.md", lambda beside: beside.write_text(text))
    if evaluation.chosen.name == ALL:
        systems = evaluation.systems(rows)
        write_atomically(folder / "systems.md", lambda beside: beside.write_text(systems))
    few = evaluation.faces.first(SHEET_FACES)
    chosen, blend = evaluation.chosen, evaluation.yardstick.blend
    sheet = compare_pictures(chosen.methods, few, chosen.kinds, evaluation.seed, evaluation.device, blend)
    write_picture(folder / "sheet.jpg", sheet)
    also = ", systems.md" if evaluation.chosen.name == ALL else ""
    print(f"wrote figures.json, tables.md{also} and sheet.jpg into {folder}")


def report_text(evaluation: Evaluation, rows: list[Row], figures: dict[str, Any]) -> str:
    """tables.md: the paper's tables, all figures with intervals, and what they were made of."""
    columns = evaluation.yardstick.columns()
    laid = evaluation.beside(rows)
    paper = evaluation.chosen.paper
    title = f"Tables of {paper}" if paper else f"Figures of {evaluation.chosen.name}"
    everything = [cells_with_intervals(row, columns) for row in rows]
    lines = [
        f"# {title}",
        "",
        f"{evaluation.place()}; {evaluation.yardstick.profile.words}. Intervals: 95 %, bootstrap over the faces.",
        "",
        *(f"{markdown(beside, evaluation.place())}" for beside in laid),
        "### All figures",
        "",
        *table(["holes", "hole ratio", "method", *columns], everything),
        "",
        "### Made of",
        "",
        *(f"- {line}" for line in made_of(figures)),
    ]
    return "\n".join(lines) + "\n"


def made_of(figures: dict[str, Any]) -> list[str]:
    """Faces, weights and metrics' networks, by hash."""
    data = figures["data"]
    lines = [f"faces: {data['name']}, {data['split']}, sha256 {data['sha256']}"]
    for name, about in figures["methods"].items():
        weights = ", ".join(f"{model} {digest[:12]}" for model, digest in about.get("weights", {}).items())
        seen = ", ".join(f"{model} {count}" for model, count in about.get("images_seen", {}).items() if count)
        minutes = ", ".join(f"{part} {spent}" for part, spent in about.get("minutes", {}).items() if spent)
        told = {"weights": weights, "images seen": seen, "minutes trained": minutes}
        lines.append(
            f"{name}: {'; '.join(f'{word} {text}' for word, text in told.items() if text) or 'nothing learnt'}"
        )
    if figures["masks"] is not None:
        lines.append(f"masks: {figures['masks']['name']}, sha256 {figures['masks']['sha256']}")
    return lines + [
        f"--{option}: {file['name']}, sha256 {file['sha256']}" for option, file in figures["networks"].items()
    ]
