from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from service.app import create_app
from service.client import NO_RETRIES, AsyncClient, AsyncJob, Client, Job, Retries
from service.client.calls import Calls
from service.client.endpoints import endpoint, job_endpoint
from service.client.jobs import JobCalls
from service.completion.pipelines import PIPELINES
from service.errors import BodyTooLarge
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.fakes.server import running, settings
from tests.fakes.waiting import FOREVER_SECONDS, soon
from tests.service.client.conftest import Connect

PAIR = (png(scene()), png(box_mask()))


def test_threads_may_share_a_client(url: str) -> None:
    with Client(url) as client, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda seed: client.inpaint(png(scene(seed=seed)), PAIR[1], seed=seed), range(8)))
    assert [answer.seed for answer in answers] == list(range(8))
    outside = box_mask() == 0
    assert all((pixels(answer.picture)[outside] == scene(seed=answer.seed)[outside]).all() for answer in answers)


async def test_a_canceled_call_stops_the_work_at_the_service() -> None:
    engine = FakeEngine()
    engine.delay_seconds = FOREVER_SECONDS
    with running(engine) as url:
        async with AsyncClient(url) as client:
            call = asyncio.create_task(client.inpaint(*PAIR, align="none"))
            await soon(lambda: engine.running == 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await soon(lambda: engine.canceled == 1)


async def test_many_calls_at_once(url: str) -> None:
    async with AsyncClient(url) as client:
        answers = await asyncio.gather(*(client.inpaint(*PAIR, seed=seed, align="none") for seed in range(6)))
    assert [answer.seed for answer in answers] == list(range(6))


async def test_a_client_may_stand_inside_the_application() -> None:
    app = create_app(settings(), FakeEngine())
    async with (
        app.router.lifespan_context(app),
        AsyncClient("http://test/", transport=httpx.ASGITransport(app)) as client,
    ):
        assert [model.name for model in await client.models()] == [*PIPELINES, "parser"]


def test_a_body_over_the_limit_is_refused_and_not_a_broken_connection(connect: Connect) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1200, 3), np.uint8)
    with running(FakeEngine(), max_body_bytes=10_000) as url, pytest.raises(BodyTooLarge) as refusal:
        connect(url, retries=NO_RETRIES).inpaint(noise, noise[..., 0])
    assert refusal.value.errors[0]["allowed_bytes"] == 10_000


async def test_a_busy_service_answers_everybody_who_comes_back() -> None:
    engine = FakeEngine()
    engine.delay_seconds = 0.05
    patient = Retries(max_attempts=50, max_seconds=60, first_pause_seconds=0.05, longest_pause_seconds=0.5)
    with running(engine, max_concurrent_requests=1, max_waiting_requests=1) as url:
        async with AsyncClient(url, retries=patient) as client:
            answers = await asyncio.gather(*(client.inpaint(*PAIR, seed=seed, align="none") for seed in range(6)))
            refused = await client.http.get("/metrics")
    assert [answer.seed for answer in answers] == list(range(6))
    assert 'status="429"' in refused.text


def test_an_address_may_have_a_path(url: str) -> None:
    with Client(f"{url}/docs") as client, pytest.raises(Exception, match="Not Found"):
        client.models()
    with Client(f"{url}/") as client:
        assert client.models()


@pytest.mark.parametrize(
    ("kind", "calls"), [(Client, Calls), (AsyncClient, Calls), (Job, JobCalls), (AsyncJob, JobCalls)]
)
def test_every_call_is_documented(kind: type, calls: type) -> None:
    names = [name for name, value in vars(calls).items() if isinstance(value, endpoint | job_endpoint)]
    assert names
    for name in names:
        assert getattr(kind, name).__doc__


def test_a_call_shows_its_signature(url: str) -> None:
    with Client(url) as client:
        assert list(inspect.signature(client.inpaint).parameters) == ["image", "mask", "idempotency_key", "form"]
        assert client.inpaint.__name__ == "inpaint"
