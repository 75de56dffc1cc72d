"""Waiting for what another process or thread does, as long as it takes, which on a busy machine says nothing.

What must not be waited for takes FOREVER_SECONDS instead: a test that waits for it runs into its own time limit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE_SECONDS = 120.0  # below a test's time limit, so that the failure says what did not happen
FOREVER_SECONDS = 3600.0
LOOK_SECONDS = 0.02


def until(condition: Callable[[], object], what: str = "what was waited for") -> None:
    """Returns when the condition holds."""
    end_seconds = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end_seconds, f"{what} did not happen"
        time.sleep(LOOK_SECONDS)


async def soon(condition: Callable[[], object], what: str = "what was waited for") -> None:
    """The same in an event loop."""
    end_seconds = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end_seconds, f"{what} did not happen"
        await asyncio.sleep(LOOK_SECONDS)
