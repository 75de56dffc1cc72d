"""Memory of large arrays goes back to the system when they are freed.

glibc learns from the first large array that is freed to take the next ones from its heaps, where one small block keeps
hundreds of megabytes from being returned. Told a size, it stops learning: what takes a megabyte is a map of its own.
"""

from __future__ import annotations

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # names of mallopt's options
LARGE_BYTES = 1 << 20
ARENAS = 2


def return_freed_memory() -> bool:
    """Set it for this process; False where the C library is another one, which needs no telling."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    options = {MMAP_THRESHOLD: LARGE_BYTES, TRIM_THRESHOLD: LARGE_BYTES, ARENA_MAX: ARENAS}
    return all(mallopt(option, value) == 1 for option, value in options.items())
