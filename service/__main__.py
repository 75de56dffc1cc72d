"""`python -m service`: the API in one process. One line says where it answers; a failed start is one line too."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import signal
import socket
import sys
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.api.http_protocol import bounded
from service.api.state import ServiceState
from service.app import create_app
from service.memory import return_freed_memory
from service.settings import BadSettings, Settings, load_settings, shown
from service.telemetry.logs import configure_logs
from service.version import version_line

ENGINE_POLL_SECONDS = 0.2
LISTEN_BACKLOG = 2048

logger = logging.getLogger("service")


class StartFailed(Exception):
    """One line that says what is wrong and what to do."""


class Server(uvicorn.Server):
    """uvicorn's server. Told to stop, /readyz turns false at once; after DRAIN_DELAY_SECONDS nobody is let in, and what
    runs is finished. Told twice, it does not wait for the delay."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain_delay_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_delay_seconds = drain_delay_seconds
        self._stop: tuple[int, float] | None = None  # the signal, and when it takes effect

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        service: ServiceState | None = getattr(self._app.state, "service", None)
        if service is not None:
            service.readiness.draining = True
        if service is not None and self._stop is None and self._drain_delay_seconds:
            self._stop = sig, time.monotonic() + self._drain_delay_seconds
            return
        if service is not None:
            service.admission.draining = True
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if self._stop is not None and time.monotonic() >= self._stop[1]:
            self.handle_exit(self._stop[0], None)
        return await super().on_tick(counter)


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 stopped on request, 1 the start failed, 2 a bad setting or argument."""
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serve the API. It takes no arguments: settings come from the environment and the file .env.",
    )
    parser.add_argument("--version", action="version", version=version_line("python -m service"))
    parser.parse_args(arguments)
    try:
        settings = load_settings()
        listener = bind(settings)
    except BadSettings as error:
        return fail(str(error), 2)
    except StartFailed as error:
        return fail(str(error), 1)
    configure_logs(settings.log_level)
    return_freed_memory()
    logger.info("starting", extra={"fields": {"settings": shown(settings)}})
    try:
        asyncio.run(serve(settings, listener))
    except StartFailed as error:
        return fail(str(error), 1)
    except KeyboardInterrupt:
        return 0
    return 0


def bind(settings: Settings) -> socket.socket:
    """The listening socket, before anything else is set up; raises StartFailed when the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named TCP, asyncio turns Nagle's algorithm off; else small answers wait 40 ms for the client's acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(LISTEN_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise StartFailed(f"{where} is in use. Stop what listens there, or set PORT to another port.") from None
        raise StartFailed(f"Cannot listen on {where}: {error.strerror}. Set HOST and PORT.") from None
    return listener


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Answer until told to stop; raises StartFailed when the engine does not come in time."""
    app = create_app(settings)
    server = Server(server_config(app, settings), app, settings.drain_delay_seconds)
    announcement = asyncio.create_task(announce(server, app, address(listener)))
    try:
        await server.serve(sockets=[listener])
    except KeyboardInterrupt:
        return
    finally:
        announcement.cancel()
        outcome = (await asyncio.gather(announcement, return_exceptions=True))[0]
    if isinstance(outcome, StartFailed):
        raise outcome


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How uvicorn runs the application, here and in tests."""
    return uvicorn.Config(
        app,
        http=bounded(settings.head_timeout_seconds, settings.download_timeout_seconds, settings.max_connections),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES decides, in the application's own middleware
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )


async def announce(server: Server, app: FastAPI, url: str) -> None:
    """Print the address once requests can be answered; stop the server when the engine does not come in time."""
    while not server.started:
        await asyncio.sleep(ENGINE_POLL_SECONDS / 10)
    service: ServiceState = app.state.service
    settings = service.settings
    end_seconds = time.monotonic() + settings.engine_start_seconds
    while missing := (await service.readiness.look()).missing:
        if time.monotonic() >= end_seconds:
            server.should_exit = True
            raise StartFailed(
                f"The engine at {settings.engine_url} is not ready after {settings.engine_start_seconds:g} s; missing: "
                f"{', '.join(missing)}. Start it (python -m service.embedded), make the models (make models), "
                "or set ENGINE_URL."
            )
        await asyncio.sleep(ENGINE_POLL_SECONDS)
    print(f"Face inpainting answers on {url} (documentation: {url}/docs)", flush=True)


def address(listener: socket.socket) -> str:
    """The URL of a listening socket, in a form that a browser takes."""
    host, port = listener.getsockname()[:2]
    named = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{named}:{port}"


def fail(line: str, status: int) -> int:
    print(f"service: {line}", file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
