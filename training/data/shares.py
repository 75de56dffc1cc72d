"""Who gets what of a batch: equal results for any number of processes, and for a batch in several micro-batches.

The pictures of a batch are split into `accumulate` micro-batches, one after another, and each of these is dealt out to
the processes in turn. Shares may differ by a picture: the mean over a share counts in the update by its number of
pictures, so all shares together give the mean over the whole batch. A process for which a micro-batch has no picture
repeats one of another process, with weight 0: all processes must take part in what they do together.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """What one process does of one micro-batch."""

    places: tuple[int, ...]  # in the batch, from 0
    weight: float  # of the mean over these pictures in the mean over the whole batch; 0 = a repeated picture


def shares(batch_size: int, *, rank: int = 0, world: int = 1, accumulate: int = 1) -> tuple[Share, ...]:
    """The shares of process `rank` of `world`, one for each micro-batch."""
    assert 1 <= accumulate <= batch_size, (accumulate, batch_size)
    assert 0 <= rank < world, (rank, world)
    edges = [batch_size * number // accumulate for number in range(accumulate + 1)]
    found = []
    for first, end in itertools.pairwise(edges):
        places = tuple(range(first + rank, end, world))
        spare = (first + rank % (end - first),)
        found.append(Share(places or spare, len(places) / batch_size))
    return tuple(found)
