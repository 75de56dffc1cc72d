from __future__ import annotations

import time

import numpy as np
import psutil

from tests.bench.large import MIB, PeakMemory, send
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.server import running


def test_a_peak_is_seen_after_it_has_passed() -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    with PeakMemory(process) as memory:
        block = np.ones(200 * MIB, np.uint8)
        time.sleep(0.3)
        del block
    assert memory.peak_bytes - before > 150 * MIB


async def test_every_request_is_sent_and_its_answer_counted() -> None:
    with running(FakeEngine()) as url:
        statuses = await send(url, {"image": png(scene()), "mask": png(box_mask())}, requests=7, clients=3)
    assert statuses == {200: 7}
