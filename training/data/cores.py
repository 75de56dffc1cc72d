"""How much of this machine the loading of faces may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

MOST_WORKERS = 8  # of one training process


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sensible_workers(device: str, processes: int) -> int:
    """Loader processes of each of `processes` training processes on this machine, by the type of their device.

    With a GPU, all cores load except the one that feeds it, up to eight. On a CPU the update needs every core and
    loading takes little time, so it has no process of its own: that would only take a core away.
    """
    if device == "cpu":
        return 0
    return max(1, min(MOST_WORKERS, usable_cores() // processes - 1))


@contextmanager
def opencv_on_one_core() -> Iterator[None]:
    """For threads and processes that each work on a core of their own. Processes that are forked meanwhile inherit it.

    They cannot set it themselves: OpenCV would then wait for threads that only this process has.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
