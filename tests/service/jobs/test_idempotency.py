from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from service.errors import BadField, IdempotencyKeyBusy, IdempotencyKeyReused
from service.jobs import redis_clients
from service.jobs.idempotency import IdempotencyKeys, checked, fingerprint
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings

TIMES = {"hold_seconds": 60.0, "kept_seconds": 60.0}


@pytest.fixture
async def keys(redis_server: RedisServer) -> AsyncIterator[IdempotencyKeys]:
    redis = redis_clients.asynchronous(settings(redis_url=redis_server.url).redis_url)
    yield IdempotencyKeys(redis)
    await redis.aclose()


async def test_an_answer_is_kept_for_its_owner(keys: IdempotencyKeys) -> None:
    async with keys.claimed("me", "k", "f", **TIMES) as claim:
        assert claim.known_answer is None
        claim.answer = b"answer"
    async with keys.claimed("me", "k", "f", **TIMES) as claim:
        assert claim.known_answer == b"answer"
    async with keys.claimed("you", "k", "other", **TIMES) as claim:
        assert claim.known_answer is None


async def test_a_key_is_held_by_one(keys: IdempotencyKeys) -> None:
    async with keys.claimed("me", "k", "f", **TIMES):
        with pytest.raises(IdempotencyKeyBusy) as raised:
            async with keys.claimed("me", "k", "f", **TIMES):
                raise AssertionError("two hold it")
        assert raised.value.retry_after_seconds == 1
        with pytest.raises(IdempotencyKeyReused):
            async with keys.claimed("me", "k", "g", **TIMES):
                raise AssertionError("two hold it")


async def test_a_failure_frees_the_key(keys: IdempotencyKeys) -> None:
    with pytest.raises(ZeroDivisionError):
        async with keys.claimed("me", "k", "f", **TIMES):
            raise ZeroDivisionError
    async with keys.claimed("me", "k", "another payload", **TIMES) as claim:
        assert claim.known_answer is None


async def test_a_claim_of_the_dead_is_taken_over_with_its_job(keys: IdempotencyKeys) -> None:
    dead = keys.claimed("me", "k", "f", **TIMES)
    first = await dead.__aenter__()
    async with keys.claimed("me", "k", "f", hold_seconds=-1, kept_seconds=60) as claim:
        assert claim.job_id == first.job_id


@pytest.mark.parametrize("key", ["", " ", " a", "a ", "ä", "a\n", "k" * 256])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(BadField):
        checked(key)


def test_a_fingerprint_is_of_names_contents_and_order() -> None:
    base = [("image", b"ab"), ("mask", b"c")]
    others = [[("image", b"a"), ("mask", b"bc")], base[::-1], [("image", b"ab")], [("imag", b"eab"), ("mask", b"c")]]
    assert fingerprint(base) == fingerprint(list(base))
    assert len({fingerprint(parts) for parts in [base, *others]}) == 5
