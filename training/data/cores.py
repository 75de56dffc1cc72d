"""How much of this machine the loading of faces may use."""

from __future__ import annotations

import os

MOST_WORKERS = 8  # of one training process: more do not make a GPU busier


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
