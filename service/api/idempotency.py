"""Idempotency-Key: an equal request with the same key gets the answer that was made for the first one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi.responses import Response

from service.api.dependencies import RequestContext
from service.completion.inpaint import InpaintRequest
from service.jobs.idempotency import Claim, Part, fingerprint
from service.jobs.request_records import to_record

HOLD_MARGIN_SECONDS = 10.0  # a request is never under way for longer than its deadline and this

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A key of your choice. Equal requests with the same key get the same answer; the work is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def claimed(
    context: RequestContext, key: str, parts: list[Part], kept_seconds: float
) -> AbstractAsyncContextManager[Claim]:
    """Hold the caller's `key` for a payload of these parts; its answer is kept for `kept_seconds`."""
    hold_seconds = context.service.settings.request_deadline_seconds + HOLD_MARGIN_SECONDS
    return context.service.jobs.keys.claimed(
        context.caller.namespace, key, fingerprint(parts), hold_seconds=hold_seconds, kept_seconds=kept_seconds
    )


async def answered_once(
    context: RequestContext, asked: InpaintRequest, media_type: str, answer: Callable[[], Awaitable[Response]]
) -> Response:
    """`answer()`, or with an Idempotency-Key the answer that an equal request got before."""
    key = context.request.headers.get("idempotency-key")
    if key is None:
        return await answer()
    parts = [("door", media_type.encode()), ("order", json.dumps(to_record(asked)).encode())]
    parts += [("image", asked.image), ("mask", asked.mask)]
    async with claimed(context, key, parts, context.service.settings.idempotency_ttl_seconds) as claim:
        if claim.known_answer is not None:
            return _unpacked(claim.known_answer)
        response = await answer()
        claim.answer = _packed(response)
        return response


def _packed(response: Response) -> bytes:
    return json.dumps(dict(response.headers)).encode() + b"\n" + bytes(response.body)


def _unpacked(kept: bytes) -> Response:
    headers, _, body = kept.partition(b"\n")
    return Response(body, headers=json.loads(headers))
