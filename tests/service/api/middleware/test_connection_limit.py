from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from service.api.middleware.connection_limit import SPARE_CONNECTIONS, SurplusConnections
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.server import running
from tests.service.api.conftest import multipart
from tests.service.api.test_http_protocol import GET, answered, connected, read_all

CAP = 4
HALF_A_HEAD = b"GET /livez HTTP/1.1\r\nX-Slow: "


@contextmanager
def crowded(url: str, count: int) -> Iterator[list[socket.socket]]:
    """That many connections, accepted and silent."""
    with ExitStack() as stack:
        held = [stack.enter_context(connected(url)) for _ in range(count)]
        for connection in held:
            connection.sendall(HALF_A_HEAD)
        time.sleep(0.3)
        yield held


def get(url: str, path: str) -> httpx.Response:
    with httpx.Client(base_url=url, timeout=20, trust_env=False) as client:
        return client.get(path)


def test_one_more_connection_is_told_so_in_a_problem_and_closed() -> None:
    with running(FakeEngine(), max_connections=CAP) as url, crowded(url, CAP):
        answer = get(url, "/models")
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_connections")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["connection"] == "close"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["errors"] == [{"allowed": CAP, "setting": "MAX_CONNECTIONS"}]
        assert answer.headers["x-request-id"] == answer.json()["request_id"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz", "/healthz", "/metrics"])
def test_probes_are_answered_beyond_the_cap(path: str) -> None:
    with running(FakeEngine(), max_connections=CAP) as url, crowded(url, CAP):
        answer = get(url, path)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")


def test_those_within_the_cap_work_on_and_a_free_place_is_taken() -> None:
    with running(FakeEngine(), max_connections=CAP) as url, crowded(url, CAP - 1) as held, connected(url) as last:
        last.sendall(GET)
        assert answered(last)
        assert get(url, "/models").status_code == 429
        last.sendall(GET)
        assert answered(last)
        held[0].close()
        time.sleep(0.3)
        assert get(url, "/models").status_code == 200


def test_probes_are_answered_when_the_spare_connections_are_taken_too() -> None:
    with running(FakeEngine(), max_connections=CAP) as url, crowded(url, CAP + SPARE_CONNECTIONS + 20) as held:
        assert get(url, "/livez").status_code == 200
        assert read_all(held[CAP]) == b"", "the oldest beyond the cap had to leave"
        held[0].sendall(b"1\r\nHost: x\r\n\r\n")
        assert answered(held[0]), "those within the cap are not touched"


def test_a_silent_connection_beyond_the_cap_is_closed_soon() -> None:
    with running(FakeEngine(), max_connections=CAP, head_timeout_seconds=60) as url, crowded(url, CAP + 1) as held:
        assert read_all(held[CAP]) == b""
        held[0].sendall(b"1\r\nHost: x\r\n\r\n")
        assert answered(held[0])


def test_an_upload_beyond_the_cap_gets_its_answer_without_being_worked_on() -> None:
    engine = FakeEngine()
    body, content_type = multipart(png(scene()), png(box_mask()))
    head = f"POST /inpaint HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{content_type}\r\n\r\n"
    with running(engine, max_connections=CAP) as url, crowded(url, CAP), connected(url) as connection:
        connection.sendall(head.encode() + body)
        answer, _, problem = read_all(connection).partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 429")
    assert json.loads(problem)["code"] == "too_many_connections"
    assert not engine.calls


class _Transport:
    aborted = False

    def abort(self) -> None:
        self.aborted = True


class _Held:
    def __init__(self, is_silent: bool) -> None:
        self.transport, self.is_silent = _Transport(), is_silent


def test_who_is_being_answered_does_not_make_room() -> None:
    crowd = SurplusConnections(max_connections=0, spare_connections=2)
    busy, silent, newcomer, last = (_Held(is_silent) for is_silent in (False, True, False, True))
    assert all(crowd.enter(held, number) for number, held in enumerate((busy, silent, newcomer), 1))
    assert [held.transport.aborted for held in (busy, silent, newcomer)] == [False, True, False]
    crowd.leave(silent)
    assert crowd.enter(last, 3)
    assert [held.transport.aborted for held in (busy, newcomer, last)] == [False, False, True]
