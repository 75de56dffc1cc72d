"""Idempotency-Key: the same key with the same payload gets the same answer, however often it is sent."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from redis.asyncio import Redis

from service.errors import BadField, IdempotencyKeyBusy, IdempotencyKeyReused
from service.jobs.redis_clients import ask
from service.jobs.scripts import CLAIM, PREFIX, PRELUDE
from service.jobs.store import new_job_id

KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
RETRY_AFTER_SECONDS = 1.0


Part: TypeAlias = tuple[str, bytes]  # the name of a part of a payload, and what it holds


@dataclass
class Claim:
    """A key while its first request is answered. `job_id` is the same for every claim of the key."""

    job_id: str
    known_answer: bytes | None  # of an earlier request
    answer: bytes | None = None  # set it to keep an answer for later requests


class IdempotencyKeys:
    """The keys that were used, by owner."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.register_script(PRELUDE + CLAIM)

    @asynccontextmanager
    async def claimed(
        self, owner: str, key: str, fingerprint: str, *, hold_seconds: float, kept_seconds: float
    ) -> AsyncIterator[Claim]:
        """Hold `key` while the block runs. If the block fails, or keeps no answer, the key is free again.

        A claim older than `hold_seconds` belongs to a process that died. Raises IdempotencyKeyBusy,
        IdempotencyKeyReused or BadField.
        """
        name = f"{owner}:{hashlib.sha256(checked(key).encode()).hexdigest()}"
        arguments: list[str | float] = [name, repr(time.time()), fingerprint, hold_seconds, kept_seconds, new_job_id()]
        answer, detail = await self._script(args=arguments)
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
            await self._settle(f"{PREFIX}idempotency:{name}", claim)

    async def _settle(self, name: str, claim: Claim) -> None:
        if claim.answer is None:
            await ask(self._redis, "DEL", name)
        else:
            await ask(self._redis, "HSET", name, "answer", claim.answer)


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
