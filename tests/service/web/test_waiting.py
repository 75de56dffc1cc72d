"""Long work, a cancellation, and a service that goes away and comes back."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.fakes.engine import FakeEngine
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.ports import free_port
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import running
from tests.service.api.conftest import form_files
from tests.service.web.conftest import Visits, served, sign_in, worker
from tests.service.web.visits import Visit


@pytest.fixture
def alone(redis_server: RedisServer) -> dict[str, object]:
    """Settings of a service whose jobs nobody works on."""
    return {"redis_url": redis_server.url}


def painted(visit: Visit) -> None:
    visit.open_sample()
    visit.drag((205, 145), (240, 150))


def test_the_place_in_the_queue_is_told_and_a_job_is_canceled(
    visits: Visits, redis_server: RedisServer, engine: FakeEngine, alone: dict
) -> None:
    sign_in(redis_server)
    with running(engine, **alone) as url, visits(url) as visit:
        http.post(f"{url}/jobs", files=form_files(png(scene()), png(box_mask())))
        painted(visit)
        visit.page.click("#complete")
        visit.page.locator("#progress-text", has_text="In the queue: number 2").wait_for()
        visit.page.click("#cancel")
        assert visit.page.locator("#progress").is_hidden()
        with redis_server.client() as redis:
            visit.wait("window.calls.at(-1).method === 'DELETE'")
            states = {
                redis.hget(key, "state") for key in redis.scan_iter("inpaint:job:*") if redis.type(key) == b"hash"
            }
        assert b"canceled" in states
        with worker(redis_server, engine):
            visit.complete()


def test_a_module_that_does_not_arrive_is_asked_for_again(visit: Visit) -> None:
    visit.page.route("**/web/shapes.js", lambda route: route.abort(), times=2)
    visit.go()
    cut = [failure for failure in visit.failed if "/web/shapes.js" in failure]  # a reload cuts off other requests too
    assert len(cut) == 2, "first as a preload"
    visit.page.wait_for_selector("input[name=model]")


def test_without_a_worker_it_is_one_request(visits: Visits, engine: FakeEngine, alone: dict) -> None:
    with running(engine, **alone) as url, visits(url) as visit:
        painted(visit)
        visit.complete()
        assert len(visit.sent("inpaint")) == 1
        assert visit.sent("jobs") == []


def test_a_job_is_waited_for_across_a_restart(
    visits: Visits, redis_server: RedisServer, engine: FakeEngine, alone: dict
) -> None:
    sign_in(redis_server)
    port = free_port()
    with ExitStack() as first, visits(first.enter_context(running(engine, at=port, **alone))) as visit:
        painted(visit)
        visit.page.click("#complete")
        visit.page.locator("#progress-text", has_text="In the queue").wait_for()
        first.close()
        visit.page.get_by_text("The service cannot be reached").wait_for()
        marked = visit.state("return state.mask.marked;")
        visit.drag((300, 300), (320, 320))
        assert visit.state("return state.mask.marked;") > marked, "work goes on"
        with served(redis_server, engine, at=port):
            visit.wait("state.result !== null")
            assert visit.page.locator("#away").is_hidden()
            assert len(visit.sent("jobs")) == 1


def test_what_is_asked_for_while_the_service_is_away_follows(
    visits: Visits, redis_server: RedisServer, engine: FakeEngine, alone: dict
) -> None:
    port = free_port()
    with ExitStack() as first, visits(first.enter_context(running(engine, at=port, **alone))) as visit:
        painted(visit)
        first.close()
        visit.page.click("#complete")
        visit.page.get_by_text("The service cannot be reached").wait_for()
        with served(redis_server, engine, at=port):
            visit.wait("state.result !== null")
