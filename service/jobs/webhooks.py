"""Webhooks: a signed message to the caller's address when a job has ended. It holds the URL of the result, no picture,
and every attempt says the same, whatever has lapsed or been deleted meanwhile.

The store notes that a webhook is due in the same step that ends the job; a worker of its own (deliveries.py) delivers
it, so a dead receiver never holds up a job. Headers and signature are those of Standard Webhooks.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import hmac
import json
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from service.causes import causes
from service.errors import BadWebhook
from service.jobs.addresses import resolve
from service.jobs.outbox import Outbox, Outcome, Settled
from service.jobs.states import Job
from service.jobs.store import JobStore
from service.settings.jobs import JobSettings, signing_keys
from service.telemetry.exporting import job_span
from service.trace import begin_trace, current_traceparent, trace_headers

MOST_RETRY_AFTER_SECONDS = 3 * 3600  # the longest pause that a receiver gets: the record of the job lapses too
GONE = 410  # the receiver wants no more
NO_ANSWER: dict[type[BaseException], str] = {  # the first that fits; the more special ones come first
    ssl.SSLCertVerificationError: "certificate",
    ssl.SSLError: "tls",
    socket.gaierror: "name_not_found",
    ConnectionRefusedError: "connection_refused",
    TimeoutError: "timeout",
    httpx.TimeoutException: "timeout",
}

logger = logging.getLogger(__name__)


async def deliver(job_id: str, store: JobStore, outbox: Outbox, settings: JobSettings) -> None:
    """One attempt to deliver one webhook; afterwards it is settled, or due again after a pause. Each is a log line."""
    claim, job = await outbox.claim_of(job_id), await store.get_as_written(job_id)
    if job is None or job.webhook_url is None:
        await outbox.forget(job_id)
        return
    begin = time.monotonic()
    with job_span("webhook", job.traceparent, {"job.id": job_id}):
        begin_trace(job.traceparent)
        outcome = await attempt(job, settings)
        settled = await outbox.settle(job_id, claim, outcome)
        _log(job, outcome, settled, time.monotonic() - begin)


def _log(job: Job, outcome: Outcome, settled: Settled, seconds: float) -> None:
    fields = {
        "job_id": job.id,
        "request_id": job.request_id,
        "traceparent": current_traceparent(),
        "try": settled.number,
        "outcome": settled.outcome,
        "status": outcome.status,
        "error": outcome.error,
        "duration_seconds": round(seconds, 4),
        "next_try_at": settled.next_at and datetime.fromtimestamp(settled.next_at, UTC).isoformat(),
    }
    level = logging.INFO if settled.outcome == "delivered" else logging.WARNING
    logger.log(level, "webhook %s", settled.outcome, extra={"fields": fields})


async def attempt(job: Job, settings: JobSettings) -> Outcome:
    """Call the receiver."""
    assert job.webhook_url is not None
    assert settings.webhook_secret is not None, "POST /jobs refuses webhooks without a secret"
    body = payload(job)
    seconds = int(time.time())
    keys = signing_keys(settings.webhook_secret)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "face-inpainting-webhooks",
        "webhook-id": message_id(job),
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signature(key, message_id(job), seconds, body) for key in keys),
        **trace_headers(),
    }
    try:
        async with asyncio.timeout(settings.webhook_timeout_seconds):
            return await _post(job.webhook_url, headers, body, settings)
    except BadWebhook:
        return Outcome("refused", error="forbidden_address")
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        return Outcome("unanswered", error=reason_of(error))


def reason_of(error: BaseException) -> str:
    """Why there was no answer, in a word: what the error, or one that it came from, says."""
    chain = list(causes(error))
    return next(
        (reason for kind, reason in NO_ANSWER.items() if any(isinstance(one, kind) for one in chain)),
        "connection_broken",
    )


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
        status = response.status_code
        if status == GONE:
            return Outcome("refused", status)
        if response.is_success:
            return Outcome("delivered", status)
        return Outcome("unanswered", status, retry_after_seconds=_asked_pause(response.headers))


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


@functools.cache
def _trusting(authorities: str) -> ssl.SSLContext:
    """How a receiver's certificate is judged: by the public authorities, and by these, in PEM."""
    context = httpx.create_ssl_context(trust_env=False)
    if authorities:
        context.load_verify_locations(cadata=authorities)
    return context


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
