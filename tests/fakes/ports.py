"""Ports for what tests start.

Outgoing connections take theirs from 32768 upwards, so a port below stays free between two starts of a server. Test
processes that run side by side never get the same one.
"""

from __future__ import annotations

import os
import random
import socket

FIRST_PORT, LAST_PORT = 10_000, 32_767
MOST_PROCESSES = 64

_given: set[int] = set()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, and that this process has not given out before."""
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % MOST_PROCESSES
    ports = range(FIRST_PORT + own, LAST_PORT + 1, MOST_PROCESSES)
    while True:
        port = random.SystemRandom().choice([port for port in ports if port not in _given])
        _given.add(port)
        if is_free(port):
            return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
