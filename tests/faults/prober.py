"""How long /livez takes, asked from a process of its own: `python -m tests.faults.prober URL`, until SIGTERM.

The load generator's own event loop is busy with pictures, so that times taken in it would be its own. Prints the
times in seconds as a JSON list; null stands for a probe without an answer.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from types import TracebackType

import httpx

EVERY_SECONDS = 0.25
PATIENCE_SECONDS = 30.0


def probe(url: str) -> list[float | None]:
    """Ask again and again until the process is told to stop."""
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: over.append(number))
    seconds: list[float | None] = []
    with httpx.Client(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False) as http:
        while not over:
            began = time.monotonic()
            try:
                http.get("/livez").raise_for_status()
                seconds.append(time.monotonic() - began)
            except httpx.HTTPError:
                seconds.append(None)
            time.sleep(EVERY_SECONDS)
    return seconds


class Prober:
    """A process that asks; leaving ends it, and `seconds` are its times."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.seconds: list[float | None] = []

    async def __aenter__(self) -> Prober:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.prober", self._url], stdout=subprocess.PIPE
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        out, _ = await asyncio.to_thread(self._process.communicate)
        self.seconds = json.loads(out or b"[]")


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1])))
