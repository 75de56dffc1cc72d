"""Idempotency-Key: an equal request with the same key gets the answer that was made for the first one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi.responses import Response

from service.api.dependencies import RequestContext
from service.api.pieces import PiecesResponse, cut, joined
from service.completion.messages import InpaintRequest
from service.jobs.idempotency import Claim, Part, fingerprint
from service.jobs.request_records import parts_of

HOLD_MARGIN_SECONDS = 10.0  # a request is never under way for longer than its deadline and this

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A key of your choice. Equal requests with the same key get the same answer; the work is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


@asynccontextmanager
async def claimed(context: RequestContext, key: str, parts: list[Part], kept_seconds: float) -> AsyncIterator[Claim]:
    """Hold the caller's `key` for a payload of these parts; its answer is kept for `kept_seconds`."""
    service, caller = context.service, context.caller
    hold_seconds = service.settings.request_deadline_seconds + HOLD_MARGIN_SECONDS
    payload = await service.threads.run(fingerprint, parts)
    async with service.jobs.keys.claimed(
        caller.namespace, key, payload, hold_seconds=hold_seconds, kept_seconds=kept_seconds
    ) as claim:
        yield claim


async def answered_once(
    context: RequestContext, asked: InpaintRequest, media_type: str, answer: Callable[[], Awaitable[PiecesResponse]]
) -> Response:
    """`answer()`, or with an Idempotency-Key the answer that an equal request got before."""
    key = context.request.headers.get("idempotency-key")
    if key is None:
        return await answer()
    parts = [("route", media_type.encode()), *parts_of(asked)]
    threads, settings = context.service.threads, context.service.settings
    async with claimed(context, key, parts, settings.idempotency_ttl_seconds) as claim:
        if claim.known_answer is not None:
            return await threads.run(_unpacked, claim.known_answer)
        response = await answer()
        claim.answer = await threads.run(_packed, response)
        return response


def _packed(response: PiecesResponse) -> memoryview:
    headers = json.dumps(dict(response.headers)).encode() + b"\n"
    return joined([headers, *response.pieces])


def _unpacked(kept: bytes) -> PiecesResponse:
    end = kept.index(b"\n") + 1
    headers = json.loads(kept[:end])
    return PiecesResponse(cut(kept, end), headers["content-type"], headers)
