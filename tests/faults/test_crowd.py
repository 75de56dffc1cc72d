"""More clients than there is room for, clients that leave, and clients that take their time, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter

import httpx
import pytest

from tests.fakes.engine import FakeEngine
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.server import running
from tests.fakes.waiting import FOREVER_SECONDS, until
from tests.service.api.conftest import form_files, framed, multipart
from tests.service.api.test_http_protocol import connected, read_all

FILES = framed(form_files(png(scene()), png(box_mask())))
DOCUMENTED = {200, 408, 429, 503, 504}


async def crowd(url: str, clients: int) -> list[httpx.Response]:
    """One request of each of so many clients, all at once."""
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=90, trust_env=False) as client:
        return await asyncio.gather(*(client.post("/inpaint", files=FILES) for _ in range(clients)))


async def test_200_clients_at_small_limits_all_get_a_documented_answer() -> None:
    engine = FakeEngine()
    engine.delay_seconds = 0.1
    with running(engine, max_concurrent_requests=2, max_waiting_requests=8) as url:
        responses = await crowd(url, 200)
        counts = Counter(response.status_code for response in responses)
        assert set(counts) <= DOCUMENTED, counts
        assert counts[200] >= 10
        assert counts[429] >= 1
        for response in responses:
            if response.status_code == 429:
                assert response.json()["code"] == "overloaded"
                assert int(response.headers["retry-after"]) >= 1
        assert engine.most_running <= 2
        (after,) = await crowd(url, 1)
        assert after.status_code == 200


async def test_a_crowd_behind_a_stuck_engine_is_answered_at_the_deadline() -> None:
    engine = FakeEngine()
    engine.delay_seconds = FOREVER_SECONDS
    with running(engine, max_concurrent_requests=2, max_waiting_requests=50, request_deadline_seconds=2) as url:
        counts = Counter(response.status_code for response in await crowd(url, 40))
        assert set(counts) <= {429, 504}
        assert counts[504] >= 20
        engine.delay_seconds = 0
        while (await crowd(url, 1))[0].status_code != 200:  # two seconds are not much on a busy machine
            await asyncio.sleep(0.1)


def test_clients_that_leave_free_their_places() -> None:
    engine = FakeEngine()
    engine.delay_seconds = FOREVER_SECONDS
    body, content_type = multipart(png(scene()), png(box_mask()))
    head = f"POST /inpaint HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{content_type}\r\n\r\n".encode()
    with running(engine, max_concurrent_requests=2, max_waiting_requests=6) as url:
        gone = [connected(url) for _ in range(8)]
        for number, connection in enumerate(gone):
            connection.sendall(head + body[: len(body) // (1 + number % 2)])  # every second one in the middle
        until(lambda: engine.running == 2)
        for connection in gone:
            connection.close()
        until(lambda: engine.canceled >= 2 and engine.running == 0)
        engine.delay_seconds = 0
        until(lambda: http.post(f"{url}/inpaint", files=FILES, timeout=30).status_code == 200)


def test_slow_uploads_are_ended_and_hold_no_worker() -> None:
    body, content_type = multipart(png(scene()), png(box_mask()))
    head = f"POST /inpaint HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{content_type}\r\n\r\n".encode()
    options = {"max_concurrent_requests": 2, "max_waiting_requests": 8, "upload_timeout_seconds": 3}
    with running(FakeEngine(), **options) as url:
        slow = [connected(url) for _ in range(8)]
        for connection in slow:
            connection.sendall(head + body[:1000])
        assert http.post(f"{url}/inpaint", files=FILES, timeout=30).status_code == 200
        trickle(slow, body[1000:], 8)
        for connection in slow:
            answer = read_all(connection)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 408")
        assert http.post(f"{url}/inpaint", files=FILES, timeout=30).status_code == 200


def trickle(connections: list[socket.socket], data: bytes, seconds: float) -> None:
    """A byte for each of them, again and again."""
    end = time.monotonic() + seconds
    for byte in data:
        if time.monotonic() > end:
            return
        for connection in connections:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return
        time.sleep(0.02)


@pytest.mark.parametrize("clients", [100])
def test_half_sent_heads_do_not_keep_others_out(clients: int) -> None:
    with running(FakeEngine(), head_timeout_seconds=3) as url:
        slow = [connected(url) for _ in range(clients)]
        for connection in slow:
            connection.sendall(b"POST /inpaint HTTP/1.1\r\nX-A: ")
        assert http.post(f"{url}/inpaint", files=FILES, timeout=30).status_code == 200
        for connection in slow:
            assert read_all(connection) == b""
