"""One embedded engine as a process: bind, load, say so, serve until a signal, finish what is under way."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

from service.embedded.engine import EmbeddedEngine
from service.embedded.leaf import all_cores
from service.embedded.repository import DeployedModel
from service.embedded.server import start

LAST_ANSWERS_SECONDS = 5.0  # at most, for answers to leave once the work is done


def run(
    repository: dict[str, DeployedModel],
    host: str,
    port: int,
    threads: int,
    concurrent_forwards: int,
    grace_seconds: float,
) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotStart."""
    cores = threads or all_cores()
    forwards = min(concurrent_forwards or cores, cores)
    clean = asyncio.run(serve(EmbeddedEngine(repository, forwards, cores), host, port, grace_seconds))
    if not clean:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # a forward that outlived its grace runs in a thread that would hold the process


async def serve(engine: EmbeddedEngine, host: str, port: int, grace_seconds: float) -> bool:
    """True if everything that was under way could finish. Raises CannotStart."""
    stop = stop_event()
    server, bound = await start(engine, host, port)
    try:
        if not await loaded(engine, stop, f"{host}:{bound}"):
            return False
        await stop.wait()
        print(f"embedded engine stopping, {engine.under_way} requests under way", flush=True)
        return await engine.drain(grace_seconds)
    finally:
        engine.stopping = True  # before it was ready, too: whoever watches its health is told and let go
        await server.stop(LAST_ANSWERS_SECONDS)


async def loaded(engine: EmbeddedEngine, stop: asyncio.Event, address: str) -> bool:
    """Load and warm up, and say so. False if `stop` came first. Raises CannotStart."""
    started = time.monotonic()
    loading, stopping = asyncio.create_task(engine.load()), asyncio.create_task(stop.wait())
    await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not loading.done():
        loading.cancel()
        return False
    loading.result()
    seconds = time.monotonic() - started
    print(f"embedded engine ready on {address}: {', '.join(sorted(engine.repository))} ({seconds:.1f} s)", flush=True)
    return True


def stop_event() -> asyncio.Event:
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, event.set)
    return event
