"""A test run that is told to stop ends what it has started: SIGTERM is Ctrl-C here, so that every fixture is left."""

from __future__ import annotations

import signal
from types import FrameType


def pytest_configure() -> None:
    signal.signal(signal.SIGTERM, stop)


def stop(number: int, frame: FrameType | None) -> None:
    """Once; what comes while the fixtures end their processes must not interrupt them."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
