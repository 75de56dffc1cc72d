"""What holds for the whole test run: how it shares the cores, and that it ends what it has started when it is stopped.

- Tests run side by side, one process for each core (`make test`); a process computes with one thread.
- SIGTERM is Ctrl-C here, so that every fixture is left. The process that hands the tests out passes it on.
- A shell that runs the tests in the background has SIGINT ignored, and programs inherit that: here it is heard again,
  or the programs that the tests start would not hear it either.
- What collecting the tests makes stays until the end. Looking through it for garbage again and again takes seconds, so
  nobody looks while it is made, nor later.
- A training sets its process to flush denormal numbers. The next test of that process starts without: generated
  examples hold such numbers.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from types import FrameType

import psutil
import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # before anything loads torch


def pytest_configure(config: pytest.Config) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        """Once; what comes while the fixtures end their processes must not interrupt them."""
        signal.signal(number, signal.SIG_IGN)
        if config.pluginmanager.has_plugin("dsession"):  # its children run the tests
            for process in psutil.Process().children():
                process.send_signal(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    yield
    if torch := sys.modules.get("torch"):  # tests of the service load none
        torch.set_flush_denormal(False)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """The cores that this process may use, which in a container are not the machine's."""
    return len(os.sched_getaffinity(0))
