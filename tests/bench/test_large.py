from __future__ import annotations

import mmap
import time

import psutil

from tests.bench.large import MIB, PeakMemory, send
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.server import running


def test_a_peak_is_seen_after_it_has_passed() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    # Not malloc's: a training of this process may have told it to keep what is freed.
    with PeakMemory(process) as memory, mmap.mmap(-1, 200 * MIB) as block:
        block.write(bytes(200 * MIB))
        time.sleep(0.3)
    assert memory.peak_bytes - before > 150 * MIB


async def test_every_request_is_sent_and_its_answer_counted() -> None:
    with running(FakeEngine()) as url:
        statuses = await send(url, {"image": png(scene()), "mask": png(box_mask())}, requests=7, clients=3)
    assert statuses == {200: 7}
