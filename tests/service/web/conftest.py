from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from tests.fakes.engine import FakeEngine
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import running, settings
from tests.fakes.worker import working
from tests.service.web.fetch_chromium import MISSING, program
from tests.service.web.visits import Visit

# Nothing of the browser's own may look for anything outside; as root it has no sandbox.
FLAGS = [
    *[
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
    ],
    *["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
NEVER_SILENT = "2200-01-01T00:00:00.000000Z"
Visits = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright keeps a loop in this thread, so it ends with the file: others have asynchronous tests."""
    assert program(), MISSING
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program(), args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def served(redis_server: RedisServer, engine: FakeEngine, **options: object) -> Iterator[str]:
    """The URL of a service with somebody who works on jobs."""
    given = {"redis_url": redis_server.url, **options}
    with running(engine, **given) as url, worker(redis_server, engine):
        yield url


@contextmanager
def worker(redis_server: RedisServer, engine: FakeEngine) -> Iterator[None]:
    """Jobs are worked on, and /readyz knows it, while the block runs."""
    sign_in(redis_server)
    with working(redis_server, settings(redis_url=redis_server.url), engine):
        yield


def sign_in(redis_server: RedisServer) -> None:
    """A worker that never falls silent."""
    with redis_server.client() as redis:
        redis.sadd(WORKERS_BY_QUEUE_KEY % "inpaint", "rq:worker:test")
        redis.hset("rq:worker:test", "last_heartbeat", NEVER_SILENT)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def url(redis_server: RedisServer, engine: FakeEngine) -> Iterator[str]:
    with served(redis_server, engine) as url:
        yield url


@pytest.fixture
def visits(browser: Browser) -> Visits:
    """visits(url, viewport=...) opens the page; what the browser complains of fails the test."""

    @contextmanager
    def opened(url: str, **options: object) -> Iterator[Visit]:
        with browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options}) as context:
            context.set_default_timeout(60_000)
            visit = Visit(context.new_page(), url)
            visit.go()
            yield visit
            assert visit.complaints == []
            assert visit.foreign() == []

    return opened


@pytest.fixture
def visit(visits: Visits, url: str) -> Iterator[Visit]:
    with visits(url) as visit:
        yield visit
