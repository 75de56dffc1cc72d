"""A blind sheet: unpicked faces, each completed by one system, shuffled; which is whose stands in a second file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.blending import completed
from training.data.faces import FaceFolder
from training.errors import OptionError
from training.framed import FramedFaces
from training.hashing import file_hash
from training.masking import complete
from training.methods import Method
from training.side_by_side import shrunk, title

ACROSS = 8  # pictures of a row


@dataclass(frozen=True)
class Shown:
    """One picture of the sheet, for the key."""

    number: int  # as it is written on the sheet, from 1
    face: str  # its name in the prepared folder
    system: str
    holes: str


def deal(faces: int, systems: int, seed: int) -> tuple[list[int], list[int]]:
    """The faces' order on the sheet, and each one's system: every system gets as many faces, or one more."""
    dice = np.random.default_rng(seed)
    order = dice.permutation(faces).tolist()
    turns = dice.permutation([place % systems for place in range(faces)]).tolist()
    return order, turns


@torch.no_grad()
def draw_blind(
    methods: Sequence[Method], faces: FramedFaces, kinds: Sequence[str], seed: int, side: int, device: str
) -> tuple[np.ndarray, list[Shown]]:
    """The sheet [H,W,3] uint8 RGB, and its key. Raises OptionError for a system that paints nothing.

    A face's hole is that of its place in the row, as in every evaluation; the kinds take turns.
    """
    order, turns = deal(len(faces), len(methods), seed)
    cells: list[np.ndarray] = []
    key: list[Shown] = []
    batches = {batch.places.start: batch for batch in faces.batches(1, device)}
    for place, turn in zip(order, turns, strict=True):
        batch, method, kind = batches[place], methods[turn], kinds[place % len(kinds)]
        given = batch.under(kind, seed)
        raw = method.system(given).raw
        if raw is None:
            raise OptionError(f"{method.name} completes no pictures")
        number = len(key) + 1
        picture = shrunk(255 * completed(raw, given, complete)[0], side)
        cells.append(np.concatenate([title(str(number), side), picture], axis=0))
        key.append(Shown(number, name_of(faces, place), method.name, kind))
    blank = [np.full_like(cells[0], 255)] * (-len(cells) % ACROSS)
    row = [*cells, *blank]
    rows = [np.concatenate(row[start : start + ACROSS], axis=1) for start in range(0, len(row), ACROSS)]
    return np.concatenate(rows), key


def name_of(faces: FramedFaces, place: int) -> str:
    folder, index = faces.faces, faces.indices[place]
    return folder.name(index) if isinstance(folder, FaceFolder) else str(index)


def key_record(key: list[Shown], methods: Sequence[Method], seed: int, sheet: Path) -> dict[str, object]:
    """The second file: which picture is whose, with the sheet it belongs to by hash."""
    return {
        "sheet": {"name": sheet.name, "sha256": file_hash(sheet)},
        "seed": seed,
        "methods": {method.name: method.about for method in methods},
        "pictures": key,
    }
