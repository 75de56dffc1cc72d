"""Jobs of both clients: the real API, a real Redis, and a worker over an engine in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from service.api.job_schemas import ItemBody, JobBody, JobsBody, WebhookBody
from service.client import NO_RETRIES, InpaintAnswer, Retries
from service.client.errors import Garbled, TimedOut, Unreachable
from service.client.jobs import ItemStatus, JobPage, JobStatus, WebhookStatus
from service.errors import (
    EmptyHole,
    EngineGarbage,
    JobCanceled,
    JobExpired,
    ResultExpired,
    ServiceError,
    SizesDiffer,
    UnknownJob,
)
from service.keys import make_key
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted import Answer, Script, problem
from tests.fakes.server import running, settings
from tests.fakes.waiting import FOREVER_SECONDS
from tests.fakes.worker import working
from tests.service.client.conftest import Connect

HOLE = box_mask() > 0
QUICK = Retries(max_attempts=3, max_seconds=5, first_pause_seconds=0.01)
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
PAIR = (png(scene()), png(box_mask()))


KEY, ENTRY = make_key("mine", frozenset({"jobs", "inpaint"}))


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(connect: Connect, engine: FakeEngine, redis_server: RedisServer) -> Iterator[Any]:
    with running(engine, redis_url=redis_server.url, api_keys=str(ENTRY)) as url:
        yield connect(url, KEY, retries=QUICK)


@pytest.fixture
def worker(engine: FakeEngine, redis_server: RedisServer) -> Any:
    """`with worker():` jobs are run."""

    @contextmanager
    def work() -> Iterator[None]:
        with working(redis_server, settings(redis_url=redis_server.url), engine):
            yield

    return work


def test_the_client_knows_every_field_of_a_job() -> None:
    for own, theirs in (
        (JobStatus, JobBody),
        (ItemStatus, ItemBody),
        (JobPage, JobsBody),
        (WebhookStatus, WebhookBody),
    ):
        assert {field.name for field in fields(own)} == set(theirs.model_fields)


def test_a_job_as_a_context_from_the_picture_to_the_result(client: Any, worker: Any) -> None:
    with worker(), client.submit(scene(), HOLE, seed=4, output_format="webp") as job:
        assert job.status.state in ("queued", "running")
        assert abs((datetime.now(UTC) - job.status.created_at).total_seconds()) < 60
        status = job.wait(timeout_seconds=30)
        answer = job.result()
    assert (status.state, job.status.state, status.model) == ("succeeded", "succeeded", "lafin")
    assert isinstance(answer, InpaintAnswer)
    assert (answer.seed, answer.media_type) == (4, "image/webp")
    assert np.array_equal(pixels(answer.picture)[~HOLE], scene()[~HOLE])
    assert job.result().picture == answer.picture


def test_a_job_brings_every_sample(client: Any, worker: Any) -> None:
    with worker(), client.submit(scene(), HOLE, model="gfc", align="none", seed=4, samples=3) as job:
        answer = job.result()
        assert len(set(answer.pictures)) == 3
        assert job.results() == answer.pictures[:1]
    direct = client.inpaint(scene(), HOLE, model="gfc", align="none", seed=4, samples=3)
    assert (direct.seed, direct.pictures) == (4, answer.pictures)


def test_leaving_the_context_early_cancels(client: Any) -> None:
    with client.submit(*PAIR) as job:
        assert job.refresh().queue_position == 1
    assert job.status.state == "canceled"
    assert client.job(job.id).status.state == "canceled"
    with pytest.raises(JobCanceled):
        job.result()


def test_an_error_in_the_context_cancels_and_comes_through(client: Any) -> None:
    with pytest.raises(KeyError), client.submit(*PAIR) as job:
        raise KeyError
    assert client.job(job.id).status.state == "canceled"


def test_a_wait_has_an_end_and_the_job_goes_on(client: Any, worker: Any) -> None:
    job = client.submit(*PAIR)
    with pytest.raises(TimedOut, match=r"not ended within 0\.3 seconds; it is queued"):
        job.wait(timeout_seconds=0.3)
    with worker():
        assert job.result().model == "lafin"


def test_a_wait_ends_although_the_service_is_silent(
    connect: Connect, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.client.jobs.ANSWER_SECONDS", 0.2)
    times = {"created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z"}
    absent = dict.fromkeys(("queue_position", "started_at", "finished_at", "problem", "result_url"))
    job = {"id": "a", "state": "running", "model": "lafin", "tries": 1, "items": [], "url": "/jobs/a"}
    script.answers = [
        Answer(body=json.dumps({**absent, **times, **job}).encode()),
        Answer(delay_seconds=FOREVER_SECONDS),
    ]
    handle = connect(script.url, timeout_seconds=60).job("a")
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        handle.wait(timeout_seconds=0.3)
    assert time.monotonic() - begin < 10


def test_a_job_that_failed_raises_what_it_failed_with(client: Any, worker: Any, engine: FakeEngine) -> None:
    engine.error = EngineGarbage("nonsense")
    with worker(), pytest.raises(EngineGarbage, match="nonsense"), client.submit(*PAIR, align="none") as job:
        job.result()
    assert job.status.state == "failed"


def test_a_refused_picture_is_no_job(client: Any) -> None:
    with pytest.raises(SizesDiffer):
        client.submit(scene(100, 100), HOLE)
    assert client.jobs() == []


def test_a_batch_gives_every_pair_its_picture_or_its_error(client: Any, worker: Any) -> None:
    pairs = [(scene(seed=seed), HOLE) for seed in range(3)]
    with worker(), client.submit_batch(pairs, seed=2) as job:
        files = job.results()
    assert [item.state for item in job.status.items] == ["succeeded"] * 3
    for seed, file in enumerate(files):
        assert np.array_equal(pixels(file)[~HOLE], scene(seed=seed)[~HOLE])


def test_a_batch_of_one_gives_its_picture(client: Any, worker: Any) -> None:
    with worker():
        files = client.submit_batch([PAIR]).results()
    assert [np.array_equal(pixels(file)[~HOLE], scene()[~HOLE]) for file in files] == [True]


def test_jobs_are_listed_the_newest_first_over_pages(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.client.jobs.PAGE", 2)
    ids = [client.submit(*PAIR).id for _ in range(5)]
    assert [status.id for status in client.jobs()] == ids[::-1]
    assert [status.id for status in client.jobs(most=3)] == ids[:1:-1]


def test_an_idempotency_key_finds_the_same_job(client: Any) -> None:
    first, again = (client.submit(*PAIR, idempotency_key="mine") for _ in range(2))
    assert first.id == again.id
    assert client.submit(*PAIR).id != first.id


def test_a_canceled_result_is_gone(client: Any, worker: Any) -> None:
    with worker():
        job = client.submit(*PAIR)
        job.wait()
    job.cancel()
    later = client.job(job.id)
    assert (later.status.state, later.status.result_expired) == ("succeeded", True)
    with pytest.raises(ResultExpired):
        later.result()


def test_a_job_that_was_never_run_is_told_from_one_whose_result_is_gone(client: Any, redis_server: RedisServer) -> None:
    job = client.submit(*PAIR)
    with redis_server.client() as redis:
        redis.hset(f"inpaint:job:{job.id}", "expires_at", "1")
    with pytest.raises(JobExpired):
        job.result()
    assert (job.status.state, job.status.result_expired) == ("expired", False)


def test_a_job_that_does_not_exist(client: Any) -> None:
    with pytest.raises(UnknownJob):
        client.job("0" * 32)


def status_body(**changes: Any) -> dict[str, Any]:
    moment = "2030-01-02T03:04:05.678Z"
    items = [{"index": 0, "state": "queued", "problem": None}]
    body = {"id": "j", "state": "queued", "model": "m", "queue_position": 1, "created_at": moment, "started_at": None}
    body |= {"finished_at": None, "expires_at": moment, "tries": 0, "items": items, "problem": None}
    return body | {"url": "/jobs/j", "result_url": None} | changes


def told(**changes: Any) -> Answer:
    return Answer(body=json.dumps(status_body(**changes)).encode())


def test_every_try_of_a_submission_carries_one_key(connect: Connect, script: Script) -> None:
    script.answers = [problem(503, "jobs_unavailable", retry_after="0"), Answer(hang_up=True), told()]
    client = connect(script.url, retries=QUICK)
    client.submit(*PAIR)
    client.submit(*PAIR)
    keys = [asked.headers["idempotency-key"] for asked in script.asked]
    assert len(keys) == 4
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_polls_that_are_not_held_do_not_follow_at_once(connect: Connect, script: Script) -> None:
    script.answers = [told(), told(), told(state="succeeded", result_url="/jobs/j/result")]
    job = connect(script.url, retries=QUICK).submit(*PAIR)
    assert job.wait().state == "succeeded"
    assert script.asked[2].at_seconds - script.asked[1].at_seconds >= 0.9
    assert script.asked[1].path == "/jobs/j?wait=25"


def test_a_poll_is_shorter_than_the_time_out(connect: Connect, script: Script) -> None:
    script.answers = [told(), told(state="canceled")]
    connect(script.url, timeout_seconds=4, retries=QUICK).submit(*PAIR).wait()
    assert script.asked[1].path == "/jobs/j?wait=2"


def test_a_pair_without_a_picture_has_its_error(connect: Connect, script: Script) -> None:
    failed = {"index": 0, "state": "failed", "problem": {"code": "empty_hole", "status": 422, "detail": "Nothing."}}
    lost = {"index": 1, "state": "succeeded", "problem": None}
    script.answers = [told(state="succeeded", items=[failed, lost]), Answer(body=EMPTY_ZIP)]
    errors = connect(script.url, retries=QUICK).submit(*PAIR).results()
    assert [type(error) for error in errors] == [EmptyHole, Garbled]
    script.answers = [told(state="succeeded", items=[failed, lost]), Answer(body=b"no zip")]
    script.asked.clear()
    with pytest.raises(Garbled, match="no zip"):
        connect(script.url, retries=QUICK).submit(*PAIR).results()


def test_stages_in_the_zip_of_a_batch_are_no_results(connect: Connect, script: Script) -> None:
    body = BytesIO()
    with ZipFile(body, "w") as archive:
        for name in ("000.png", "000/0-coarse.png", "001.jpg", "001/0-coarse.png"):
            archive.writestr(name, name)
    items = [{"index": index, "state": "succeeded", "problem": None} for index in range(2)]
    script.answers = [told(state="succeeded", items=items), Answer(body=body.getvalue())]
    job = connect(script.url, retries=QUICK).submit_batch([PAIR, PAIR], model="showface", include="coarse")
    assert job.results() == [b"000.png", b"001.jpg"]


def test_a_job_that_cannot_be_canceled_does_not_hide_the_error(connect: Connect, script: Script) -> None:
    script.answers = [told(), problem(500, "internal_error")]
    client = connect(script.url, retries=NO_RETRIES)
    with pytest.raises(KeyError) as raised, client.submit(*PAIR):
        raise KeyError
    assert raised.value.__notes__ == ["job j could not be canceled: A detail."]
    script.asked.clear()
    with pytest.raises(ServiceError, match="A detail"), client.submit(*PAIR):
        pass
    script.answers = [told(), Answer(hang_up=True)]
    script.asked.clear()
    with pytest.raises(Unreachable), client.submit(*PAIR):
        pass
