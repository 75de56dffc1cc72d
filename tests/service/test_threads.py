from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

import pytest

from service.threads import NICENESS, ImagingThreads


async def test_work_runs_beside_the_loop_and_never_more_at_once_than_there_are_threads() -> None:
    threads, running, most = ImagingThreads(2), [], []

    def work() -> str:
        running.append(1)
        most.append(len(running))
        time.sleep(0.02)
        running.pop()
        return threading.current_thread().name

    names = await asyncio.gather(*(threads.run(work) for _ in range(8)))
    threads.close()
    assert max(most) == 2
    assert all(name.startswith("imaging") for name in names)


async def test_errors_come_through() -> None:
    threads = ImagingThreads(1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)
    threads.close()


async def test_the_loop_goes_before_image_work() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    threads = ImagingThreads(1)
    assert await threads.run(niceness) == niceness() + (NICENESS if sys.platform == "linux" else 0)
    threads.close()
