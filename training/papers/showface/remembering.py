"""The memory's update of one batch: the same whatever number of processes and micro-batches share it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as distributed
from torch import Tensor

from training.data.stream import Batch
from training.papers.showface.networks import Refiner

Seen = tuple[Batch, Tensor, Tensor]  # a share, its coarse faces [B,3,H,W] and their parsing maps [B,H,W]


@torch.no_grad()
def remember(refiner: Refiner, shares: Sequence[Seen]) -> None:
    """Write the vectors of all processes' faces in the order of their places in the row.

    A process that only repeats faces of another one brings none along.
    """
    bank, classes = refiner.memory.bank, refiner.memory.classes
    length = classes * (1 + 2 * bank.shape[2])
    places = [torch.zeros(0, dtype=torch.int64, device=bank.device)]
    rows = [torch.zeros(0, length, device=bank.device)]
    for batch, face, parsing in shares:
        if batch.weight > 0:
            places.append(batch.position.to(bank.device))
            rows.append(look(refiner, batch, face, parsing))
    order = gathered(torch.cat(places)).argsort(stable=True)
    every = gathered(torch.cat(rows))[order]
    queries, values = every[:, classes:].unflatten(1, (2, classes, -1)).unbind(dim=1)
    refiner.memory.write(queries, values, every[:, :classes] > 0)


def look(refiner: Refiner, batch: Batch, face: Tensor, parsing: Tensor) -> Tensor:
    """A row for each face: which classes it has, its Q and its V. [B, n + 2 n C] float32."""
    queries, values, present = refiner.vectors(face, batch.hole, parsing)
    return torch.cat((present.float(), queries.flatten(1).float(), values.flatten(1).float()), dim=1)


def gathered(rows: Tensor) -> Tensor:
    """The rows of all processes one after another; any number of them each, [N,...]."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return rows
    counts = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(distributed.get_world_size())]
    distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    padded = rows.new_zeros(max(int(count) for count in counts), *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.zeros_like(padded) for _ in counts]
    distributed.all_gather(parts, padded)
    return torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])
