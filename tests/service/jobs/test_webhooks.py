from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime

import pytest

from service.jobs import redis_clients, webhooks
from service.jobs.outbox import Outbox
from service.jobs.states import Delivery, Item
from service.jobs.store import JobStore, NewJob, new_job_id
from service.settings import Settings
from service.settings.jobs import signing_keys
from service.telemetry.logs import JsonLines
from tests.fakes.ports import free_port
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted import Answer, Script, scripted
from tests.fakes.server import settings
from tests.fakes.waiting import FOREVER_SECONDS

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Hooks:
    def __init__(self, store: JobStore, options: Settings, redis: RedisServer, script: Script) -> None:
        self.store, self.options, self.redis, self.script = store, options, redis, script

    async def ended(self, url: str | None = None) -> str:
        """A canceled job with a webhook."""
        job_id = new_job_id()
        url = url or f"{self.script.url}/hook"
        new = NewJob("anonymous", {"model": "lafin"}, [(b"i", b"m")], "https://f.example", url)
        trace = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
        await self.store.reserve(job_id, replace(new, request_id="r-7", traceparent=trace))
        await self.store.cancel(job_id)
        return job_id

    async def deliver(self, job_id: str) -> None:
        await webhooks.deliver(job_id, self.store, Outbox(self.store.redis), self.options)

    async def shown(self, job_id: str) -> Delivery:
        """What the job's record says of it."""
        job = await self.store.get(job_id)
        assert job is not None
        assert job.delivery is not None
        return job.delivery

    def due(self, job_id: str) -> float | None:
        """In seconds since 1970."""
        with self.redis.client() as client:
            return client.zscore("inpaint:webhooks", job_id)

    def counted(self) -> dict[bytes, bytes]:
        with self.redis.client() as client:
            counts = client.hgetall("inpaint:counts")
        return {name: count for name, count in counts.items() if name.startswith(b"webhooks")}


@pytest.fixture
async def hooks(redis_server: RedisServer) -> AsyncIterator[Hooks]:
    options = settings(
        redis_url=redis_server.url,
        webhook_secret=SECRET,
        webhook_allow_http=True,
        webhook_allow_private=True,
        webhook_timeout_seconds=0.5,
    )
    redis = redis_clients.asynchronous(options.redis_url)
    with scripted() as script:
        yield Hooks(JobStore(redis, options), options, redis_server, script)
    await redis.aclose()


async def test_the_end_of_a_job_is_told_signed_and_without_a_picture(hooks: Hooks) -> None:
    job_id = await hooks.ended()
    assert hooks.due(job_id) is not None
    begin = int(time.time())
    await hooks.deliver(job_id)
    (asked,) = hooks.script.asked
    assert (asked.method, asked.path) == ("POST", "/hook")
    message, seconds = asked.headers["webhook-id"], asked.headers["webhook-timestamp"]
    assert message == f"msg_{job_id}"
    assert begin <= int(seconds) <= time.time()
    signed = f"{message}.{seconds}.".encode() + asked.body
    expected = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert asked.headers["webhook-signature"] == f"v1,{expected}"
    body = json.loads(asked.body)
    assert body["type"] == "job.canceled"
    assert body["data"] == {
        "id": job_id,
        "state": "canceled",
        "url": f"https://f.example/jobs/{job_id}",
        "result_url": None,
        "code": None,
    }
    assert hooks.due(job_id) is None
    assert hooks.counted() == {b"webhooks:delivered": b"1"}
    with hooks.redis.client() as client:
        taken = client.hgetall("inpaint:histogram:webhook_seconds")
    assert sum(int(count) for bound, count in taken.items() if bound != b"sum") == 1
    assert 0 < float(taken[b"sum"]) < 60


def test_the_signature_is_that_of_the_standard() -> None:
    (key,) = signing_keys(settings(webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").webhook_secret)
    made = webhooks.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_silent_receiver_gets_six_tries_with_growing_pauses(hooks: Hooks) -> None:
    hooks.script.answers = [Answer(500), Answer(404), Answer(302, headers={"Location": "/other"}), Answer(hang_up=True)]
    job_id = await hooks.ended()
    for pause_seconds in (5, 30, 120, 600, 3600):
        begin = time.time()
        await hooks.deliver(job_id)
        due = hooks.due(job_id)
        assert due is not None
        assert begin <= due - pause_seconds <= time.time()
    await hooks.deliver(job_id)
    assert hooks.due(job_id) is None
    assert len(hooks.script.asked) == 6
    assert {asked.path for asked in hooks.script.asked} == {"/hook"}, "no redirect is followed"
    assert len({asked.headers["webhook-id"] for asked in hooks.script.asked}) == 1
    assert hooks.counted() == {b"webhooks:unanswered": b"5", b"webhooks:given_up": b"1"}


async def succeeded(hooks: Hooks) -> str:
    """A job with a result and a webhook."""
    job_id = new_job_id()
    new = NewJob("anonymous", {"model": "lafin"}, [(b"i", b"m")], "https://f.example", f"{hooks.script.url}/hook")
    await hooks.store.reserve(job_id, new)
    await hooks.store.fill(job_id, new)
    _, number = await hooks.store.begin(job_id, 60)
    await hooks.store.settle_item(job_id, number, 0, Item("succeeded", answer={}), [b"picture"])
    await hooks.store.finish(job_id, number, "succeeded")
    return job_id


@pytest.mark.parametrize("how", ["its time is up", "its caller deletes it"])
async def test_every_attempt_says_the_same_also_when_the_result_is_gone(hooks: Hooks, how: str) -> None:
    hooks.script.answers = [Answer(500), Answer(500), Answer(200)]
    job_id = await succeeded(hooks)
    await hooks.deliver(job_id)
    if how == "its time is up":
        with hooks.redis.client() as client:
            client.hset(f"inpaint:job:{job_id}", "expires_at", repr(time.time() - 1))
    else:
        await hooks.store.cancel(job_id)
    job = await hooks.store.get(job_id)
    assert job is not None
    assert (job.state, job.result_expired) == ("succeeded", True)
    await hooks.deliver(job_id)
    await hooks.deliver(job_id)
    bodies = [asked.body for asked in hooks.script.asked]
    assert len(bodies) == 3
    assert json.loads(bodies[0])["type"] == "job.succeeded"
    assert set(bodies) == {bodies[0]}


async def test_a_first_attempt_after_the_result_has_gone_tells_how_the_job_ended(hooks: Hooks) -> None:
    job_id = await succeeded(hooks)
    await hooks.store.cancel(job_id)
    await hooks.deliver(job_id)
    assert json.loads(hooks.script.asked[0].body)["data"]["state"] == "succeeded"


IN_TWO_HOURS = 7200
FAR_AWAY = 10**9


@pytest.mark.parametrize(
    ("asked", "pause_seconds"),
    [
        ("60", 60),
        ("2", 5),
        (formatdate(time.time() + IN_TWO_HOURS, usegmt=True), IN_TWO_HOURS),
        (formatdate(0, usegmt=True), 5),
        (str(FAR_AWAY), webhooks.MOST_RETRY_AFTER_SECONDS),
        ("9" * 400, webhooks.MOST_RETRY_AFTER_SECONDS),
        ("later", 5),
        ("-60", 5),
        ("", 5),
    ],
    ids=["longer", "shorter", "a date", "a past date", "too long", "no number", "no time", "negative", "empty"],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_may_ask_for_a_longer_pause(
    hooks: Hooks, status: int, asked: str, pause_seconds: float
) -> None:
    hooks.script.answers = [Answer(status, headers={"Retry-After": asked})]
    job_id = await hooks.ended()
    begin = time.time()
    await hooks.deliver(job_id)
    due, end = hooks.due(job_id), time.time()
    assert due is not None
    if asked.endswith("GMT") and pause_seconds == IN_TWO_HOURS:
        assert due == pytest.approx(parsedate_to_datetime(asked).timestamp(), abs=0.1)
    else:
        assert begin <= due - pause_seconds <= end


async def test_a_slow_receiver_is_left_after_its_time(hooks: Hooks) -> None:
    hooks.script.answers = [Answer(delay_seconds=FOREVER_SECONDS)]
    await hooks.deliver(await hooks.ended())
    assert hooks.counted() == {b"webhooks:unanswered": b"1"}


async def test_a_receiver_that_says_gone_is_not_asked_again(hooks: Hooks) -> None:
    hooks.script.answers = [Answer(410)]
    job_id = await hooks.ended()
    await hooks.deliver(job_id)
    assert hooks.due(job_id) is None
    assert hooks.counted() == {b"webhooks:refused": b"1"}


async def test_an_address_inside_is_refused_at_the_last_moment(hooks: Hooks) -> None:
    hooks.options = hooks.options.model_copy(update={"webhook_allow_private": False})
    job_id = await hooks.ended()
    await hooks.deliver(job_id)
    assert hooks.script.asked == []
    assert hooks.counted() == {b"webhooks:refused": b"1"}


async def test_the_name_stays_in_the_host_header_while_the_call_goes_to_the_address(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(hooks.script.url.rpartition(":")[2])
    loop = asyncio.get_running_loop()
    real, names = loop.getaddrinfo, []

    async def answer(host: str, *arguments: object, **options: object) -> object:
        names.append(host)
        return await real("127.0.0.1" if host == "hooks.example.com" else host, *arguments, **options)

    monkeypatch.setattr(loop, "getaddrinfo", answer)
    await hooks.deliver(await hooks.ended(f"http://hooks.example.com:{port}/x"))
    (asked,) = hooks.script.asked
    assert asked.headers["host"] == f"hooks.example.com:{port}"
    assert names.count("hooks.example.com") == 1


async def test_during_a_rotation_both_secrets_sign(hooks: Hooks) -> None:
    newer = "whsec_" + base64.b64encode(bytes(24)).decode()
    hooks.options = settings(**{**hooks.options.model_dump(), "webhook_secret": f"{newer} {SECRET}"})
    await hooks.deliver(await hooks.ended())
    (asked,) = hooks.script.asked
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    expected = [hmac.new(key, signed, hashlib.sha256).digest() for key in (bytes(24), bytes(range(32)))]
    assert asked.headers["webhook-signature"] == " ".join(f"v1,{base64.b64encode(one).decode()}" for one in expected)


async def test_every_try_is_told_in_the_job_and_in_the_log(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "service.jobs.webhooks")
    hooks.script.answers = [Answer(503), Answer(200)]
    job_id = await hooks.ended()
    before = await hooks.shown(job_id)
    assert (before.state, before.tries, before.next_at) == ("pending", 0, pytest.approx(time.time(), abs=5))
    await hooks.deliver(job_id)
    shown = await hooks.shown(job_id)
    assert (shown.state, shown.tries, shown.status, shown.error) == ("pending", 1, 503, None)
    assert shown.next_at == pytest.approx(hooks.due(job_id), abs=1e-3)
    await hooks.deliver(job_id)
    shown = await hooks.shown(job_id)
    assert (shown.state, shown.tries, shown.status, shown.next_at) == ("delivered", 2, 200, None)
    assert shown.tried_at == pytest.approx(time.time(), abs=5)
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    told = [(line["job_id"], line["request_id"], line["try"], line["outcome"], line["status"]) for line in lines]
    assert told == [(job_id, "r-7", 1, "unanswered", 503), (job_id, "r-7", 2, "delivered", 200)]
    assert [line["next_try_at"] is None for line in lines] == [False, True]


async def test_the_receiver_gets_the_trace_of_the_request(hooks: Hooks) -> None:
    await hooks.deliver(await hooks.ended())
    (asked,) = hooks.script.asked
    assert asked.headers["traceparent"].split("-")[1] == TRACE_ID


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:{closed}/", "connection_refused"),
        ("http://nobody.invalid/", "name_not_found"),
        ("{script}/hangs-up", "connection_broken"),
        ("{script}/silent", "timeout"),
    ],
)
async def test_what_went_wrong_is_told_apart(hooks: Hooks, url: str, reason: str) -> None:
    hooks.script.answers = [Answer(hang_up=True) if "hangs-up" in url else Answer(delay_seconds=FOREVER_SECONDS)]
    job_id = await hooks.ended(url.format(closed=free_port(), script=hooks.script.url))
    await hooks.deliver(job_id)
    shown = await hooks.shown(job_id)
    assert (shown.state, shown.status, shown.error) == ("pending", None, reason)


async def test_a_forbidden_address_is_told(hooks: Hooks) -> None:
    hooks.options = hooks.options.model_copy(update={"webhook_allow_private": False})
    job_id = await hooks.ended()
    await hooks.deliver(job_id)
    shown = await hooks.shown(job_id)
    assert (shown.state, shown.error, shown.next_at) == ("refused", "forbidden_address", None)


async def test_one_whose_job_is_forgotten_is_dropped_and_leaves_nothing(hooks: Hooks) -> None:
    job_id = await hooks.ended()
    with hooks.redis.client() as client:
        client.delete(f"inpaint:job:{job_id}")
        await hooks.deliver(job_id)
        assert hooks.due(job_id) is None
        assert not client.exists(f"inpaint:job:{job_id}")
