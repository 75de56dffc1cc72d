"""What the memory of ShowFace has learnt: python -m training.slot_use --help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from training.checkpoint import CheckpointError, load_snapshot
from training.data.parsing import CLASS_SETS
from training.errors import one_line
from training.options import SHIPPED_REPOSITORY, Version
from training.papers.showface.regions import CLASSES
from training.program import Program
from training.report import Table, number

BANK, FILLED, WRITES = "memory.bank", "memory.filled", "memory.writes"

app = Program("training.slot_use")


@dataclass(frozen=True)
class BlockUse:
    """One block of slots."""

    name: str  # of its class, or `all`
    filled: int  # slots that hold something
    writes: int  # how often a face was written into the block
    in_use: float  # to how many slots writes that are spread evenly would go: the exponential of their entropy
    alike: float  # mean cosine of two different slots; NaN with fewer than two


@app.command()
@one_line("training.slot_use")
def main(
    snapshot: Annotated[Path, typer.Option(help="Snapshot of a refiner.")] = SHIPPED_REPOSITORY
    / "showface_refiner"
    / "snapshot.safetensors",
    version: Version = False,
) -> None:
    """A row for each block of the memory: how many slots hold something, how evenly they are written, how alike."""
    state, _ = load_snapshot(snapshot)
    if missing := [key for key in (BANK, FILLED, WRITES) if key not in state]:
        raise CheckpointError(f"{snapshot} is no snapshot of a refiner: {', '.join(missing)} is missing")
    table = Table("class", "slots filled", "writes", "slots in use", "alike")
    for use in uses_of(state[BANK], state[FILLED], state[WRITES]):
        cells = str(use.filled), str(use.writes), number(use.in_use, 1), number(use.alike, 3)
        table.row(use.name, *cells)


def uses_of(bank: Tensor, filled: Tensor, writes: Tensor) -> list[BlockUse]:
    """bank [blocks,slots,C], filled [blocks], writes [blocks,slots] -> a figure for each block."""
    names = CLASS_SETS[CLASSES] if len(bank) == CLASSES else ("all",)
    return [use_of(name, *block) for name, *block in zip(names, bank, filled, writes, strict=True)]


def use_of(name: str, slots: Tensor, filled: Tensor, writes: Tensor) -> BlockUse:
    """slots [m,C], filled a number, writes [m]."""
    count = int(filled)
    shares = writes.double() / writes.sum().clamp(min=1)
    entropy = -(shares * shares.clamp(min=1e-12).log()).sum()
    unit = torch.nn.functional.normalize(slots[:count].double(), dim=1)
    cosines = unit @ unit.T
    pairs = count * (count - 1)
    alike = float((cosines.sum() - cosines.diagonal().sum()) / pairs) if pairs else float("nan")
    return BlockUse(name, count, int(writes.sum()), float(entropy.exp()) if count else 0.0, alike)


if __name__ == "__main__":
    app()
