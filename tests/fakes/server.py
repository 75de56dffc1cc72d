"""A real server on a free port of this machine, in a thread of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from service.__main__ import address, bind, server_config
from service.app import create_app
from service.settings import Settings
from tests.fakes.engine import FakeEngine
from tests.fakes.waiting import until


def settings(**overrides: object) -> Settings:
    """Settings that no file and no environment touches."""
    return Settings(_env_file=None, **overrides)


@contextmanager
def running(engine: FakeEngine, *, at: int = 0, **overrides: object) -> Iterator[str]:
    """The URL of an application over `engine`, on the port `at`; 0 is a free one."""
    options = settings(**{"drain_seconds": 1, **overrides})
    with serving(create_app(options, engine), options, at=at) as url:
        yield url


@contextmanager
def serving(app: FastAPI, options: Settings | None = None, *, at: int = 0) -> Iterator[str]:
    """The URL of `app` on a server like the real one, with `options` for its connections."""
    listener = bind(settings(port=at))
    server = uvicorn.Server(server_config(app, options or settings(drain_seconds=1)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started, "the start of the server")
    try:
        yield address(listener)
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
