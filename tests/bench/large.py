"""Peak memory of the API while as many large pictures as may be are completed at once.

`python -m tests.bench.large --concurrent 4` sends pictures of 25 megapixels from twice as many clients, and reads the
resident memory of the API's process fifty times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

from tests.bench.stack import ROOT, Stack
from tests.fakes.pictures import box_mask, encoded, png, scene

SAMPLE_SECONDS = 0.02
ANSWER_SECONDS = 900.0
MIB = 2**20


class PeakMemory:
    """The most resident memory that a process had while the block ran."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._over = threading.Event()
        self.peak_bytes = 0

    def __enter__(self) -> PeakMemory:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, self._process.memory_info().rss)


def api_process(stack: Stack) -> psutil.Process:
    """The one that runs `python -m service`."""
    (found,) = [process for process in stack.processes() if process.cmdline()[1:] == ["-m", "service"]]
    return found


async def send(address: str, files: dict[str, bytes], requests: int, clients: int) -> Counter[int]:
    """That many requests from that many clients at once; how they were answered."""
    statuses: Counter[int] = Counter()
    left = iter(range(requests))
    async with httpx.AsyncClient(base_url=address, timeout=ANSWER_SECONDS, trust_env=False) as http:

        async def client() -> None:
            for _ in left:
                async with http.stream("POST", "/inpaint", files=files) as answer:
                    async for _ in answer.aiter_raw():
                        pass
                    statuses[answer.status_code] += 1

        await asyncio.gather(*(client() for _ in range(clients)))
    return statuses


def measure(options: argparse.Namespace) -> str:
    """The line of the report."""
    side, concurrent = options.side, options.concurrent
    hole = box_mask(side, side, (side // 4, side // 4, 3 * side // 4, 3 * side // 4))
    files = {"image": encoded(scene(side, side), "JPEG", quality=90), "mask": png(hole)}
    settings = {"MAX_CONCURRENT_REQUESTS": str(concurrent), "REQUEST_DEADLINE_SECONDS": str(ANSWER_SECONDS)}
    with Stack(options.repository, **settings) as stack:
        process = api_process(stack)
        idle_bytes, begin = process.memory_info().rss, time.monotonic()
        with PeakMemory(process) as memory:
            statuses = asyncio.run(send(stack.address, files, options.requests, 2 * concurrent))
        seconds, after_bytes = time.monotonic() - begin, process.memory_info().rss
    each = (memory.peak_bytes - idle_bytes) / concurrent / MIB
    return (
        f"{options.requests} requests of {side * side / 1e6:.0f} megapixels, {concurrent} at once of {2 * concurrent} "
        f"clients, answers {dict(statuses)}, {seconds:.0f} s: idle {idle_bytes / MIB:.0f} MiB, "
        f"peak {memory.peak_bytes / MIB:.0f} MiB ({each:.0f} a request at work), after {after_bytes / MIB:.0f} MiB"
    )


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever was started is ended
    parser = argparse.ArgumentParser(prog="python -m tests.bench.large", description=__doc__)
    parser.add_argument("--repository", type=Path, default=ROOT / "model_repository", help="model repository")
    parser.add_argument("--concurrent", type=int, default=4, help="MAX_CONCURRENT_REQUESTS (default 4)")
    parser.add_argument("--requests", type=int, default=16, help="how many are sent (default 16)")
    parser.add_argument("--side", type=int, default=5000, help="pixels of a side (default 5000)")
    print(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
