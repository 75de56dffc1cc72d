from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

import service.jobs.redis_watch as redis_watch
from service.jobs import redis_clients
from service.jobs.redis_watch import RedisWatch
from tests.fakes.redis_server import RedisServer

FULL = "Redis: it is at its maxmemory and takes no pictures"


async def until_told(caplog: pytest.LogCaptureFixture, line: str) -> None:
    async with asyncio.timeout(20):
        while line not in [record.message for record in caplog.records]:
            await asyncio.sleep(0.02)


async def test_the_log_is_told_at_the_start_and_when_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "service.jobs.redis_state")
    for name in ("LOOK_SECONDS", "KEPT_SECONDS"):
        monkeypatch.setattr(redis_watch, name, 0.02)
    with RedisServer(tmp_path) as server, server.client() as client:
        client.config_set("maxmemory", 1000)
        async with redis_clients.asynchronous(SecretStr(server.url)) as redis, RedisWatch(redis).watching():
            await until_told(caplog, FULL)
            client.config_set("maxmemory", 0)
            await until_told(caplog, "Redis: all is well")
            client.config_set("appendonly", "no")
            await until_told(
                caplog, "Redis: it has no append-only file, so a restart may lose accepted jobs; set appendonly yes"
            )


async def test_a_redis_that_starts_at_the_same_time_is_no_news(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_watch, "KEPT_SECONDS", 0)
    server = RedisServer(tmp_path)
    async with redis_clients.asynchronous(SecretStr(server.url)) as redis:
        watch = RedisWatch(redis)
        assert (await watch.state()).failures == (redis_watch.AWAY,)
        assert caplog.records == []
        monkeypatch.setattr(redis_watch, "START_SECONDS", 0)
        await watch.state()
        assert [record.message for record in caplog.records] == ["Redis: it refuses the connection"]


async def test_many_at_once_ask_redis_once(redis_server: RedisServer) -> None:
    async with redis_clients.asynchronous(SecretStr(redis_server.url)) as redis:
        watch = RedisWatch(redis)
        with redis_server.client() as client:
            asked = client.info("commandstats").get("cmdstat_info", {"calls": 0})["calls"]
            await asyncio.gather(*(watch.state() for _ in range(50)))
            assert client.info("commandstats")["cmdstat_info"]["calls"] <= asked + 2


async def test_a_look_that_swallows_its_cancellation_does_not_hold_the_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looking = asyncio.Event()

    async def deaf(redis: object) -> redis_watch.RedisState:
        looking.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)
        return redis_watch.RedisState()

    monkeypatch.setattr(redis_watch, "look", deaf)
    async with asyncio.timeout(5):
        async with RedisWatch(redis_clients.asynchronous(SecretStr("redis://127.0.0.1:1"))).watching():
            await looking.wait()
