"""Every reason from a real Redis, or from a real connection that fails."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from service.embedded.redis_server import arguments, executable
from service.jobs import redis_clients
from service.jobs.redis_state import Noted, RedisState, judged, look, look_blocking
from tests.fakes.certificates import certificate, key, server_context
from tests.fakes.ports import free_port
from tests.fakes.redis_server import RedisServer
from tests.fakes.waiting import until

PASSWORD = "the-password"
WELL = {"redis_version": "7.2.4", "aof_enabled": 1, "maxmemory_policy": "noeviction", "maxmemory": 0, "role": "master"}


def state_of(url: str) -> RedisState:
    """By both kinds of client; they must agree."""

    async def asked() -> RedisState:
        async with redis_clients.asynchronous(SecretStr(url)) as connection:
            return await look(connection)

    with redis_clients.synchronous(SecretStr(url)) as connection:
        state = look_blocking(connection)
    assert asyncio.run(asked()) == state
    assert PASSWORD not in str(state)
    return state


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


def test_as_make_serve_starts_it_all_is_well(server: RedisServer) -> None:
    assert state_of(server.url) == RedisState()


def test_passwords_that_do_not_fit_are_told_apart(server: RedisServer) -> None:
    address = server.url.removeprefix("redis://")
    assert state_of(f"redis://:{PASSWORD}@{address}").failures == ("it has no password, and REDIS_URL has one",)
    with server.client() as client:
        client.config_set("requirepass", "another")
    refused = "it refuses the user or the password of REDIS_URL"
    assert state_of(f"redis://:{PASSWORD}@{address}").failures == (refused,)
    assert state_of(f"redis://nobody:{PASSWORD}@{address}").failures == (refused,)
    assert state_of(server.url).failures == ("it asks for a password, and REDIS_URL has none",)
    with redis.Redis(port=server.port, password="another") as client:
        client.execute_command("ACL", "SETUSER", "narrow", "on", f">{PASSWORD}", "+ping")
    assert state_of(f"redis://narrow:{PASSWORD}@{address}").failures == ("the user of REDIS_URL lacks a permission",)


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random", "volatile-ttl"])
def test_a_policy_that_drops_jobs_is_a_risk(server: RedisServer, policy: str) -> None:
    with server.client() as client:
        client.config_set("maxmemory-policy", policy)
        client.config_set("appendonly", "no")
    first, second = state_of(server.url).risks
    assert first == f"its maxmemory-policy is {policy}, which may drop accepted jobs; set noeviction"
    assert "append-only" in second


def test_a_full_memory_is_told(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory", 1000)
    assert state_of(server.url).failures == ("it is at its maxmemory and takes no pictures",)


def test_a_disk_that_takes_no_more_is_told(tmp_path: Path) -> None:
    """The process may write no file beyond 100,000 bytes, as on a full disk."""
    port = free_port()

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [*arguments(executable(), port, tmp_path), "--auto-aof-rewrite-percentage", "0"]
    process = subprocess.Popen(command, preexec_fn=limited, stdout=subprocess.DEVNULL)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        until(lambda: state_of(url) == RedisState(), "redis-server")
        with redis.Redis(port=port) as client:
            client.set("a", b"x" * 200_000)
            until(lambda: bool(state_of(url).failures), "the failure to write")
            assert state_of(url).failures == ("it cannot write its files and refuses changes; its disk may be full",)
            with pytest.raises(redis.ResponseError, match=r"^MISCONF"):
                client.set("b", b"x")
    finally:
        process.kill()
        process.wait(10)


def test_a_replica_is_told(server: RedisServer) -> None:
    with server.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
    assert "it is a replica, which refuses changes" in state_of(server.url).failures


def test_what_cannot_be_reached_is_told() -> None:
    assert state_of(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0").failures == ("it refuses the connection",)
    assert state_of("redis://no-such-host.invalid:1/0").failures == ("the host of REDIS_URL has no address",)
    assert state_of("unix:///nowhere/redis.sock").failures == ("the socket of REDIS_URL cannot be opened",)


def test_a_certificate_that_is_not_trusted_is_told() -> None:
    context = server_context(certificate("127.0.0.1"), key())
    with answering(lambda connection: context.wrap_socket(connection, server_side=True)) as port:
        (failure,) = state_of(f"rediss://:{PASSWORD}@127.0.0.1:{port}/0").failures
    assert failure.startswith("its certificate is not trusted (")


def test_a_redis_without_tls_is_told() -> None:
    with answering(lambda connection: connection.sendall(b"-ERR Protocol error\r\n")) as port:
        failures = state_of(f"rediss://127.0.0.1:{port}/0").failures
    assert failures == ("it does not speak TLS, which rediss:// asks for",)


@contextmanager
def answering(answer_one: Callable[[socket.socket], object]) -> Iterator[int]:
    """The port of somebody who does this to every connection."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)

        def answer() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                    answer_one(connection)
                except OSError:
                    continue

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join(10)


@pytest.mark.parametrize("version", ["5.0.7", "6.0.16", "6.1", ""])
def test_a_redis_that_is_too_old_is_told(version: str) -> None:
    (failure,) = judged(WELL | {"redis_version": version}).failures
    assert failure == f"it is version {version}, and 6.2 is the oldest that works"


@pytest.mark.parametrize("version", ["6.2.0", "7.0", "8.4.1", "10.0"])
def test_newer_ones_are_fine(version: str) -> None:
    assert judged(WELL | {"redis_version": version}) == RedisState()


def test_a_cluster_and_one_that_loads_are_told() -> None:
    assert judged(WELL | {"cluster_enabled": 1}).failures == ("it is a cluster, and jobs need a single Redis",)
    assert judged(WELL | {"loading": 1}).failures == ("it is still loading its data",)


def test_the_log_is_told_once_whenever_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "service.jobs.redis_state")
    noted, bad = Noted(), RedisState(failures=("a",), risks=("b",))
    for state in (RedisState(), bad, bad, RedisState(risks=("b",)), RedisState(), RedisState()):
        noted.note(state)
    assert [record.message for record in caplog.records] == ["Redis: a; b", "Redis: b", "Redis: all is well"]
