"""How much of this machine the loading of faces may use."""

from __future__ import annotations

import os

MOST_WORKERS = 8  # of one training process


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sensible_workers(device: str, processes: int) -> int:
    """Loader processes of each of `processes` training processes on this machine, by the type of their device.

    Beside a GPU, all cores but the one that feeds it load, up to eight. On CPUs the update needs every core, and the
    loading takes a small share of its time: there is no other process, for it would only take cores away.
    """
    if device == "cpu":
        return 0
    return max(1, min(MOST_WORKERS, usable_cores() // processes - 1))
