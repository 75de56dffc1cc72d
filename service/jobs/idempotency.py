"""Idempotency-Key: the same key with the same payload gets the same answer, however often it is sent."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import SecretStr
from redis.exceptions import RedisError

from service.errors import BadField, IdempotencyKeyBusy, IdempotencyKeyReused
from service.jobs import redis_clients
from service.jobs.scripts import PRELUDE
from service.jobs.store import new_job_id

KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
RETRY_AFTER_SECONDS = 1.0
Part: TypeAlias = tuple[str, bytes]  # the name of a part of a payload, and what it holds

# In both scripts `id` is the name of the key, with its owner.
# fingerprint, token of this claim, seconds that it holds, seconds that the claim is remembered, job id
CLAIM = """
local claim = prefix .. 'idempotency:' .. id
local known = redis.call('HMGET', claim, 'fingerprint', 'held_until', 'job', 'answer')
if known[1] and known[1] ~= ARGV[3] then return {'other', ''} end
if known[4] then return {'answered', known[4]} end
if known[1] and now < tonumber(known[2]) then return {'held', ''} end
local job = known[3] or ARGV[7]
redis.call('HSET', claim, 'fingerprint', ARGV[3], 'token', ARGV[4], 'held_until', now + tonumber(ARGV[5]), 'job', job)
expire_at(claim, now + tonumber(ARGV[6]))
return {'claimed', job}
"""

# token of the claim, seconds that the answer is kept, most bytes of all pictures, then the answer, if there is one.
# Only the latest claim of a key settles it. The id of a job is an answer too, but no picture.
# -> 'kept' | 'freed' | 'full' | 'lost'
SETTLE = """
local claim = prefix .. 'idempotency:' .. id
if redis.call('HGET', claim, 'token') ~= ARGV[3] then return 'lost' end
local picture = ARGV[6] and #ARGV[6] > 64
if not picture then also_when_full() end
forget_lapsed()
local full = picture and bytes_kept() + #ARGV[6] > tonumber(ARGV[5])
if full or not ARGV[6] then
  redis.call('DEL', claim)
  return full and 'full' or 'freed'
end
local till = now + tonumber(ARGV[4])
redis.call('HSET', claim, 'answer', ARGV[6])
redis.call('HDEL', claim, 'token')
expire_at(claim, till)
if picture then keep_bytes('idempotency:' .. id, #ARGV[6], till) end
return 'kept'
"""

logger = logging.getLogger(__name__)


@dataclass
class Claim:
    """A key while its first request is answered. `job_id` is the same for every claim of the key."""

    job_id: str
    known_answer: bytes | None  # of an earlier request
    answer: bytes | memoryview | None = None  # set it to keep an answer for later requests


class IdempotencyKeys:
    """The keys that were used, by owner. Their answers count for `max_bytes`, with the pictures of jobs."""

    def __init__(self, url: SecretStr, max_bytes: int) -> None:
        self._url = url
        self._max_bytes = max_bytes

    @asynccontextmanager
    async def claimed(
        self, owner: str, key: str, fingerprint: str, *, hold_seconds: float, kept_seconds: float
    ) -> AsyncIterator[Claim]:
        """Hold `key` while the block runs. If the block fails, or keeps no answer, the key is free again.

        After `hold_seconds` another request may take the claim over, because its holder has died. Raises
        IdempotencyKeyBusy, IdempotencyKeyReused, BadField or RedisError; never when the block has done its work.
        """
        name, token = f"{owner}:{hashlib.sha256(checked(key).encode()).hexdigest()}", secrets.token_hex(16)
        times: list[str | float] = [hold_seconds, max(hold_seconds, kept_seconds)]
        arguments = [name, repr(time.time()), fingerprint, token, *times, new_job_id()]
        answer, detail = await self._run(CLAIM, arguments)
        if answer == b"other":
            raise IdempotencyKeyReused("This Idempotency-Key came with another payload before.")
        if answer == b"held":
            detail = "A request with this Idempotency-Key is being answered."
            raise IdempotencyKeyBusy(detail, retry_after_seconds=RETRY_AFTER_SECONDS)
        if answer == b"answered":
            yield Claim("", detail)
            return
        claim = Claim(detail.decode(), None)
        try:
            yield claim
        finally:
            await self._end(name, token, claim, kept_seconds)

    async def _end(self, name: str, token: str, claim: Claim, kept_seconds: float) -> None:
        """Keep the answer or free the key. Whatever goes wrong here, the request has its answer or its own error."""
        kept = [] if claim.answer is None else [claim.answer]
        arguments = [name, repr(time.time()), token, kept_seconds, self._max_bytes, *kept]
        try:
            outcome = await self._run(SETTLE, arguments)
        except (RedisError, OSError) as error:
            outcome = type(error).__name__.encode()
        if kept and outcome != b"kept":
            logger.warning("the answer for an Idempotency-Key is not kept: %s", outcome.decode())

    async def _run(self, script: str, arguments: Sequence[str | float | bytes | memoryview]) -> Any:
        """In a thread and on a connection of its own: an answer may have many megabytes."""
        return await asyncio.to_thread(self._run_blocking, script, arguments)

    def _run_blocking(self, script: str, arguments: Sequence[str | float | bytes | memoryview]) -> Any:
        with redis_clients.synchronous(self._url) as redis:
            return redis_clients.execute_blocking(redis, "EVAL", PRELUDE + script, 0, *arguments)


def checked(key: str) -> str:
    """The header's value; raises BadField."""
    if not KEY.fullmatch(key):
        errors = [{"field": "Idempotency-Key", "allowed": "1 to 255 printable ASCII characters"}]
        raise BadField("The Idempotency-Key is not 1 to 255 printable characters.", errors=errors)
    return key


def fingerprint(parts: Iterable[Part]) -> str:
    """Of a payload: names and contents, in order."""
    digest = hashlib.sha256()
    for name, content in parts:
        digest.update(f"{len(name)}:{name}{len(content)}:".encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
