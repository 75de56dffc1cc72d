"""Webhooks: a signed message to the caller's address when a job has ended. It holds the URL of the result, no picture,
and every attempt says the same, whatever has lapsed or been deleted meanwhile.

The store notes that a webhook is due in the same step that ends the job; a worker with a queue of its own delivers it,
so a dead receiver never holds up a job. Headers and signature are those of Standard Webhooks.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from redis.asyncio import Redis

from service.errors import BadWebhook
from service.jobs import redis_clients
from service.jobs.addresses import resolve
from service.jobs.histograms import observe
from service.jobs.redis_clients import ask
from service.jobs.scripts import PREFIX
from service.jobs.states import Job
from service.jobs.store import JobStore
from service.settings import load_settings, traces_endpoint
from service.settings.jobs import JobSettings, signing_key
from service.telemetry.exporting import exporting, job_span

PAUSE_SECONDS = (5, 30, 120, 600, 3600)  # after the first attempt, the second, ...: six in all
MOST_RETRY_AFTER_SECONDS = (
    3 * 3600
)  # a receiver may ask for a longer pause, up to this: the record of the job lapses too
GONE = 410  # the receiver wants no more


@dataclass(frozen=True)
class Outcome:
    """Of one attempt: "delivered", "refused" (by us or by the receiver, for good) or "unanswered"."""

    name: str
    retry_after_seconds: float = 0.0  # what the receiver asks for


REFUSED, UNANSWERED = Outcome("refused"), Outcome("unanswered")

logger = logging.getLogger(__name__)


def run(job_id: str) -> None:
    """The task that RQ calls."""
    with exporting(traces_endpoint()):
        asyncio.run(deliver_once(job_id, load_settings()))


async def deliver_once(job_id: str, settings: JobSettings) -> None:
    """One attempt to deliver one webhook; afterwards it is settled, or due again after a pause."""
    redis = redis_clients.asynchronous(settings.redis_url, tries=10)
    try:
        job = await JobStore(redis, settings).get_as_written(job_id)
        if job is None or job.webhook_url is None:
            await ask(redis, "ZREM", f"{PREFIX}webhooks", job_id)
            return
        with job_span("webhook", job.traceparent, {"job.id": job_id}):
            outcome = await attempt(job, settings)
        await _settle(redis, job, outcome)
    finally:
        await redis.aclose()


async def attempt(job: Job, settings: JobSettings) -> Outcome:
    """Call the receiver."""
    assert job.webhook_url is not None
    assert settings.webhook_secret is not None, "POST /jobs refuses webhooks without a secret"
    body = payload(job)
    seconds = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "face-inpainting-webhooks",
        "webhook-id": message_id(job),
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(signing_key(settings.webhook_secret), message_id(job), seconds, body),
    }
    try:
        async with asyncio.timeout(settings.webhook_timeout_seconds):
            return await _post(job.webhook_url, headers, body, settings)
    except BadWebhook:
        return REFUSED
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        logger.info("webhook of job %s: %s", job.id, type(error).__name__)
        return UNANSWERED


async def _post(url: str, headers: dict[str, str], body: bytes, settings: JobSettings) -> Outcome:
    """What the answer means; its body is not read. The name is resolved here and used no second time."""
    receiver = await resolve(url, settings)
    async with (
        httpx.AsyncClient(
            verify=_trusting(settings.webhook_authorities),
            trust_env=False,
            follow_redirects=False,
            timeout=settings.webhook_timeout_seconds,
        ) as client,
        client.stream(
            "POST",
            receiver.pinned_url,
            content=body,
            headers={**headers, "Host": receiver.host},
            extensions={"sni_hostname": receiver.name},
        ) as response,
    ):
        if response.status_code == GONE:
            return REFUSED
        return Outcome("delivered") if response.is_success else Outcome("unanswered", _asked_pause(response.headers))


def _asked_pause(headers: Mapping[str, str]) -> float:
    """What `Retry-After` asks for, written in seconds or as a date; 0 without one that can be read."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MOST_RETRY_AFTER_SECONDS)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), MOST_RETRY_AFTER_SECONDS)


def _trusting(authorities: str) -> ssl.SSLContext:
    """How a receiver's certificate is judged: by the public authorities, and by these, in PEM."""
    context = httpx.create_ssl_context(trust_env=False)
    if authorities:
        context.load_verify_locations(cadata=authorities)
    return context


async def _settle(redis: Redis, job: Job, outcome: Outcome) -> None:
    tries, counted = await ask(redis, "HINCRBY", f"{PREFIX}job:{job.id}", "webhook_tries", 1), outcome.name
    if outcome.name == "unanswered" and tries <= len(PAUSE_SECONDS):
        due = time.time() + max(PAUSE_SECONDS[tries - 1], outcome.retry_after_seconds)
        await ask(redis, "ZADD", f"{PREFIX}webhooks", "XX", due, job.id)
    else:
        await ask(redis, "ZREM", f"{PREFIX}webhooks", job.id)
        counted = "given_up" if outcome.name == "unanswered" else outcome.name
    if outcome.name == "delivered" and job.finished_at is not None:
        await observe(redis, "webhook_seconds", time.time() - job.finished_at)
    await ask(redis, "HINCRBY", f"{PREFIX}counts", f"webhooks:{counted}", 1)


def message_id(job: Job) -> str:
    """The same for every attempt, so that a receiver can recognise a repetition."""
    return f"msg_{job.id}"


def payload(job: Job) -> bytes:
    """What the receiver is told."""
    url = f"{job.base_url}/jobs/{job.id}"
    message = {
        "type": f"job.{job.state}",
        "timestamp": datetime.fromtimestamp(job.finished_at or job.created_at, UTC).isoformat(),
        "data": {
            "id": job.id,
            "state": job.state,
            "url": url,
            "result_url": f"{url}/result" if job.state == "succeeded" else None,
            "code": job.problem["code"] if job.problem else None,
        },
    }
    return json.dumps(message, separators=(",", ":")).encode()


def signature(key: bytes, message: str, seconds: int, body: bytes) -> str:
    """v1 of Standard Webhooks: HMAC-SHA256 of id.timestamp.body."""
    signed = f"{message}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
