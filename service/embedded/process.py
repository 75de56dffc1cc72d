"""One embedded engine as a process: bind, load, say so, serve until a signal, finish what is under way."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

from service.embedded.engine import EmbeddedEngine
from service.embedded.leaf import use_threads
from service.embedded.repository import DeployedModel
from service.embedded.server import start

LAST_ANSWERS_SECONDS = 1.0  # for answers to leave, once the work is done


def run(
    repository: dict[str, DeployedModel],
    host: str,
    port: int,
    threads: int,
    concurrent_forwards: int,
    grace_seconds: float,
) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotStart."""
    use_threads(threads)
    clean = asyncio.run(serve(EmbeddedEngine(repository, concurrent_forwards), host, port, grace_seconds))
    if not clean:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # a forward that outlived its grace runs in a thread that would hold the process


async def serve(engine: EmbeddedEngine, host: str, port: int, grace_seconds: float) -> bool:
    """True if everything that was under way could finish. Raises CannotStart."""
    started = time.monotonic()
    stop = stop_event()
    server, bound = await start(engine, host, port)
    loading = asyncio.create_task(engine.load())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not loading.done():
        await server.stop(0)
        return False
    loading.result()
    names = ", ".join(sorted(engine.repository))
    print(f"embedded engine ready on {host}:{bound}: {names} ({time.monotonic() - started:.1f} s)", flush=True)
    await stopping
    print(f"embedded engine stopping, {engine.under_way} requests under way", flush=True)
    clean = await engine.drain(grace_seconds)
    await server.stop(LAST_ANSWERS_SECONDS)
    return clean


def stop_event() -> asyncio.Event:
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, event.set)
    return event
