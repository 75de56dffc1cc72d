"""Work on several cores whose results come in the order of the work.

In threads: decoding, warping and encoding pictures, and what torch computes, hold no lock of Python's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from training.data.cores import opencv_on_one_core

AHEAD = 4  # pieces of work that wait, for each worker: a slow one holds up none of the others

Work = TypeVar("Work")
Result = TypeVar("Result")


def in_order(do: Callable[[Work], Result], work: Iterable[Work], workers: int) -> Iterator[Result]:
    """The result of each piece. What is raised for one comes in its place, and begins no further work."""
    if workers == 1:
        yield from map(do, work)
        return
    waiting: deque[Future[Result]] = deque()
    pool, wait = ThreadPoolExecutor(workers), True
    try:
        with opencv_on_one_core():  # its own threads would only be in the workers' way
            for piece in work:
                waiting.append(pool.submit(do, piece))
                if len(waiting) > AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    except GeneratorExit:  # perhaps of the garbage collection in a thread that starts, which would wait for itself
        wait = False
        raise
    finally:
        pool.shutdown(wait=wait, cancel_futures=True)
