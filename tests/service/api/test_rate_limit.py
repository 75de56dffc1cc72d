from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from service.api.rate_limit import QUESTIONS, RateLimiter, rate_headers
from service.errors import RateLimited
from service.keys import Rate, make_key
from service.telemetry.metrics import Metrics
from tests.fakes.ports import free_port
from tests.fakes.redis_server import RedisServer
from tests.service.api.conftest import Served
from tests.service.api.test_problems import assert_problem

UNCHECKED = "inpaint_rate_limit_unchecked_total"


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def rates(redis_server: RedisServer) -> AsyncIterator[RateLimiter]:
    opened = RateLimiter(redis_server.url, None, Metrics("1"), send_headers=True)
    yield opened
    await opened.close()


async def allowed(rates: RateLimiter, principal: str, rate: Rate) -> bool:
    try:
        await rates.take(principal, rate)
    except RateLimited:
        return False
    return True


async def test_a_bucket_empties_and_fills_again(rates: RateLimiter) -> None:
    rate = Rate(3, 1)
    assert [await allowed(rates, "a", rate) for _ in range(5)] == [True, True, True, False, False]
    await asyncio.sleep(0.4)
    assert [await allowed(rates, "a", rate) for _ in range(2)] == [True, False]


async def test_many_at_once_get_exactly_what_there_is(rates: RateLimiter) -> None:
    answers = await asyncio.gather(*(allowed(rates, "crowd", Rate(10, 1000)) for _ in range(50)))
    assert sum(answers) == 10


async def test_one_key_does_not_empty_the_bucket_of_another(rates: RateLimiter) -> None:
    assert await allowed(rates, "b", Rate(1, 1000))
    assert not await allowed(rates, "b", Rate(1, 1000))
    assert await allowed(rates, "c", Rate(1, 1000))


async def test_a_lower_rate_counts_at_once(rates: RateLimiter) -> None:
    assert await allowed(rates, "d", Rate(1000, 10))
    assert [await allowed(rates, "d", Rate(2, 1000)) for _ in range(3)] == [True, True, False]


async def test_a_refusal_says_when_to_come_back(rates: RateLimiter) -> None:
    await rates.take("e", Rate(1, 20))
    with pytest.raises(RateLimited) as raised:
        await rates.take("e", Rate(1, 20))
    assert raised.value.retry_after_seconds == pytest.approx(20, abs=1)
    assert raised.value.headers == {"RateLimit-Policy": '"key";q=1;w=20', "RateLimit": '"key";r=0;t=20'}


async def test_a_refusal_names_the_setting_that_the_rate_comes_from(redis_server: RedisServer) -> None:
    shared = RateLimiter(redis_server.url, Rate(1, 20), Metrics("1"), send_headers=False)
    for principal, own, setting in (("own", Rate(1, 30), "API_KEYS"), ("shared", None, "RATE_LIMIT")):
        await shared.take(principal, own)
        with pytest.raises(RateLimited) as raised:
            await shared.take(principal, own)
        assert raised.value.errors == [{"allowed_requests": 1, "seconds": 30 if own else 20, "setting": setting}]
        assert ("own key" in raised.value.detail) == (own is not None)
    await shared.close()


async def test_without_a_rate_redis_is_not_asked() -> None:
    rates = RateLimiter("redis://127.0.0.1:1/0", None, metrics := Metrics("1"), send_headers=True)
    assert await rates.take("a", None) == {}
    assert f"{UNCHECKED} 0.0" in metrics.text().decode()


async def test_when_redis_is_away_requests_pass_soon_and_are_counted() -> None:
    asked: list[None] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(None)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", port := free_port()):
        rates = RateLimiter(f"redis://127.0.0.1:{port}/0", Rate(1, 1000), metrics := Metrics("1"), send_headers=True)
        for _ in range(20):
            assert await rates.take("a", None) == {}
    assert 1 <= len(asked) < 5, "it is not asked again at once"
    assert f"{UNCHECKED} 20.0" in metrics.text().decode()


async def test_when_redis_comes_back_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.rate_limit.AWAY_SECONDS", 0.05)
    with RedisServer() as server:
        rates = RateLimiter(server.url, Rate(1, 1000), Metrics("1"), send_headers=False)
        assert [await allowed(rates, "a", Rate(1, 1000)) for _ in range(2)] == [True, False]
        server.kill()
        assert await allowed(rates, "a", Rate(1, 1000))
        server.start()
        await asyncio.sleep(0.1)
        assert [await allowed(rates, "a", Rate(1, 1000)) for _ in range(2)] == [True, False]
        await rates.close()


async def test_over_http_the_rate_is_the_keys_own_or_the_common_one(served: Served, redis_server: RedisServer) -> None:
    slow, slow_entry = make_key("slow", frozenset({"inpaint"}), Rate(1, 1000))
    other, other_entry = make_key("other", frozenset({"inpaint"}))
    options = {"api_keys": f"{slow_entry} {other_entry}", "redis_url": redis_server.url, "rate_limit": "2/1000"}
    async with served(**options, rate_limit_headers=True) as client:
        for key, requests in ((slow, 1), (other, 2)):
            for left in reversed(range(requests)):
                response = await client.post("/inpaint", headers={"x-api-key": key})
                assert response.status_code == 400
                assert response.headers["ratelimit"].startswith(f'"key";r={left};')
            response = await client.post("/inpaint", headers={"x-api-key": key})
            assert_problem(response, 429, "rate_limited")
            assert int(response.headers["retry-after"]) > 400
            assert response.headers["ratelimit-policy"] == f'"key";q={requests};w=1000'
        assert (await client.get("/livez")).status_code == 200


async def test_questions_take_nothing_from_the_work_and_have_a_bound_of_their_own(
    served: Served, redis_server: RedisServer
) -> None:
    key, entry = make_key("asks", frozenset({"inpaint", "jobs"}), Rate(1, 1000))
    async with served(api_keys=str(entry), redis_url=redis_server.url, rate_limit_headers=True) as client:
        client.headers["x-api-key"] = key
        polls = [await client.get(f"/jobs/{'0' * 32}") for _ in range(QUESTIONS - 1)]
        assert {response.status_code for response in polls} == {404}
        assert (await client.get("/limits")).status_code == 200
        assert (await client.post("/inpaint")).status_code == 400, "no question has taken the one token for work"
        refused = await client.get("/limits")
        assert_problem(refused, 429, "rate_limited")
        assert refused.headers["ratelimit-policy"] == f'"questions";q={QUESTIONS};w=1000'


async def test_headers_are_sent_only_when_asked_for(served: Served, redis_server: RedisServer) -> None:
    async with served(redis_url=redis_server.url, rate_limit="1/1000") as client:
        responses = [await client.post("/inpaint") for _ in range(2)]
    assert [response.status_code for response in responses] == [400, 429]
    assert not any(name.startswith("ratelimit") for response in responses for name in response.headers)


def test_headers_are_those_of_the_draft() -> None:
    assert rate_headers(Rate(600, 60), 599, 0.1) == {
        "RateLimit-Policy": '"key";q=600;w=60',
        "RateLimit": '"key";r=599;t=1',
    }
