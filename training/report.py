"""How the commands that measure say what they found: a table, row by row as it comes, and JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from training.checkpoint import write_atomically

NOTHING = "-"  # a cell without a figure


class Table:
    """A Markdown table on standard output. Rows may be added while a progress bar is shown."""

    def __init__(self, *columns: str) -> None:
        self.columns = len(columns)
        self.row(*columns)
        self.row(*["---"] * len(columns))

    def row(self, *cells: str) -> None:
        assert len(cells) == self.columns, (cells, self.columns)
        tqdm.write("| " + " | ".join(cells) + " |")
        sys.stdout.flush()


def number(value: float | None, decimals: int) -> str:
    """A cell; what is not known, None or NaN, is a dash."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{decimals}f}"


def progress_bar(total: int, unit: str = "face") -> tqdm[Any]:
    """It is gone when it is full."""
    return tqdm(total=total, unit=unit, leave=False)


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Readable, in one step; nothing without a path. A figure that is not finite is null: JSON has no infinity."""
    if path is not None:
        text = json.dumps(plain(figures), indent=1, allow_nan=False) + "\n"
        write_atomically(path, lambda beside: beside.write_text(text))


def plain(value: Any) -> Any:
    """Dataclasses, tables and lists of figures as JSON takes them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
