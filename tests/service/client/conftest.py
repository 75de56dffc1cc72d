from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from service.client import AsyncClient, Client
from tests.fakes.engine import FakeEngine
from tests.fakes.scripted import Script, scripted
from tests.fakes.server import running

Connect = Callable[..., Any]


class Awaiting:
    """Calls an asynchronous object as if it were an ordinary one, so that one test holds for both clients."""

    def __init__(self, inner: Any, runner: asyncio.Runner) -> None:
        self._inner, self._runner = inner, runner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._called(value) if callable(value) else value

    def _called(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **options: self._awaited(function(*arguments, **options))

    def __enter__(self) -> Awaiting:
        entered: Awaiting = self._awaited(self._inner.__aenter__())
        return entered

    def __exit__(self, *error: Any) -> None:
        self._awaited(self._inner.__aexit__(*error))

    def _awaited(self, coroutine: Any) -> Any:
        value = self._runner.run(coroutine)
        return Awaiting(value, self._runner) if hasattr(value, "__aenter__") else value


@pytest.fixture(params=[Client, AsyncClient])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """connect(url, ...) opens a client of either kind."""
    with ExitStack() as opened:
        if request.param is Client:
            yield lambda *arguments, **options: opened.enter_context(Client(*arguments, **options))
            return
        runner = opened.enter_context(asyncio.Runner())
        yield lambda *arguments, **options: opened.enter_context(Awaiting(AsyncClient(*arguments, **options), runner))


@pytest.fixture(scope="session")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="session")
def url(engine: FakeEngine) -> Iterator[str]:
    """The real service over an engine in memory."""
    with running(engine) as url:
        yield url


@pytest.fixture
def script() -> Iterator[Script]:
    with scripted() as script:
        yield script
