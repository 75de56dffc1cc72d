from __future__ import annotations

import asyncio

import pytest

from service.errors import BadField, IdempotencyKeyBusy, IdempotencyKeyReused
from service.jobs.idempotency import IdempotencyKeys, checked, fingerprint
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings

MAX_BYTES = 1000
TIMES = {"hold_seconds": 60.0, "kept_seconds": 60.0}


@pytest.fixture
def keys(redis_server: RedisServer) -> IdempotencyKeys:
    return IdempotencyKeys(settings(redis_url=redis_server.url).redis_url, MAX_BYTES)


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
    dead = keys.claimed("me", "k", "f", hold_seconds=-1, kept_seconds=60)
    first = await dead.__aenter__()
    async with keys.claimed("me", "k", "f", **TIMES) as claim:
        assert claim.job_id == first.job_id


async def test_a_late_holder_changes_nothing_of_its_successors(keys: IdempotencyKeys) -> None:
    late = keys.claimed("me", "k", "f", hold_seconds=-1, kept_seconds=60)
    first = await late.__aenter__()
    async with keys.claimed("me", "k", "f", **TIMES) as second:
        first.answer = b"late"
        await late.__aexit__(None, None, None)
        with pytest.raises(IdempotencyKeyBusy):
            async with keys.claimed("me", "k", "f", **TIMES):
                raise AssertionError("the late holder has freed the claim of another")
        second.answer = b"second"
    async with keys.claimed("me", "k", "f", **TIMES) as third:
        assert third.known_answer == b"second"


async def test_an_answer_after_the_claim_has_lapsed_reaches_nobody_else(
    keys: IdempotencyKeys, redis_server: RedisServer
) -> None:
    with redis_server.client() as redis:
        late = keys.claimed("me", "k", "f", **TIMES)
        first = await late.__aenter__()
        redis.delete(*redis.keys("inpaint:idempotency:*"))  # as if its time had passed
        other = keys.claimed("me", "k", "another payload", **TIMES)
        second = await other.__aenter__()
        first.answer = b"picture of the first"
        await late.__aexit__(None, None, None)
        with pytest.raises(IdempotencyKeyBusy):
            async with keys.claimed("me", "k", "another payload", **TIMES):
                raise AssertionError("the key is held")
        second.answer = b"picture of the second"
        await other.__aexit__(None, None, None)
        async with keys.claimed("me", "k", "another payload", **TIMES) as third:
            assert third.known_answer == b"picture of the second"
        assert all(redis.ttl(key) > 0 for key in redis.keys("inpaint:idempotency:*"))


async def test_answers_are_kept_within_the_room_and_make_place_when_they_lapse(
    keys: IdempotencyKeys, redis_server: RedisServer
) -> None:
    async def keep(key: str, size: int, kept_seconds: float) -> None:
        async with keys.claimed("me", key, "f", hold_seconds=60, kept_seconds=kept_seconds) as claim:
            claim.answer = b"x" * size

    async def is_kept(key: str) -> bool:
        async with keys.claimed("me", key, "f", **TIMES) as claim:
            return claim.known_answer is not None

    await keep("small", 800, 0.2)
    await keep("large", 300, 60)
    assert (await is_kept("small"), await is_kept("large")) == (True, False)
    await keep("id", 32, 60)
    assert await is_kept("id"), "the id of a job is no picture"
    await asyncio.sleep(0.3)
    await keep("large", 300, 60)
    assert await is_kept("large")
    with redis_server.client() as redis:
        assert redis.get("inpaint:bytes:total") == b"300"


async def test_work_that_is_done_is_answered_when_redis_dies_before_it_is_kept() -> None:
    with RedisServer() as server:
        keys = IdempotencyKeys(settings(redis_url=server.url).redis_url, MAX_BYTES)
        async with keys.claimed("me", "k", "f", **TIMES) as claim:
            server.kill()
            claim.answer = b"picture"
        server.start()
        failing = keys.claimed("me", "k2", "f", **TIMES)
        await failing.__aenter__()
        server.kill()
        error = ZeroDivisionError()
        assert not await failing.__aexit__(type(error), error, None), "the request keeps its own error"


@pytest.mark.parametrize("key", ["", " ", " a", "a ", "ä", "a\n", "k" * 256])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(BadField):
        checked(key)


def test_a_fingerprint_is_of_names_contents_and_order() -> None:
    base = [("image", b"ab"), ("mask", b"c")]
    others = [[("image", b"a"), ("mask", b"bc")], base[::-1], [("image", b"ab")], [("imag", b"eab"), ("mask", b"c")]]
    assert fingerprint(base) == fingerprint(list(base))
    assert len({fingerprint(parts) for parts in [base, *others]}) == 5
