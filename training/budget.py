"""What networks were trained with: images, as their snapshots say, and minutes, as their runs or cards say."""

from __future__ import annotations

import json
import re
from pathlib import Path

from training.checkpoint import load_metadata

MINUTES_ROW = "minutes trained"  # of a card's table


def images_seen(snapshot: Path) -> int | None:
    """What a snapshot says of its training; None if it says nothing."""
    said = load_metadata(snapshot).get("images_seen", "")
    return int(said) if said.isdecimal() else None


def minutes(part: Path) -> str | None:
    """How long a part was trained, from its metrics.jsonl, such as `12.5`; None without that file."""
    file, seconds, before = part / "metrics.jsonl", 0.0, 0
    if not file.is_file():
        return None
    for line in map(json.loads, file.read_text().splitlines()):
        if line.get("images_per_second"):
            seconds += (line["images_seen"] - before) / line["images_per_second"]
            before = line["images_seen"]
    return f"{seconds / 60:.1f}"


def minutes_on_card(card: Path) -> str | None:
    """The row of a model's card, such as `12 on one H200 GPU`; None without card or row."""
    text = card.read_text() if card.is_file() else ""
    found = re.search(rf"^\| {MINUTES_ROW} \| (\d.*?) \|$", text, re.MULTILINE)
    return None if found is None else found[1]
