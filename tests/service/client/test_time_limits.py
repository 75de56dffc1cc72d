"""A call has one time limit, whatever it waits for, and what is given up is not worked on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest

from service.client import Retries
from service.client.errors import TimedOut
from service.client.time_limits import Left
from service.errors import EngineUnavailable
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, scene
from tests.fakes.scripted import Script, problem
from tests.fakes.server import running
from tests.fakes.waiting import FOREVER_SECONDS, until
from tests.service.client.conftest import Connect

EAGER = Retries(max_attempts=1000, max_seconds=FOREVER_SECONDS, first_pause_seconds=0.01, longest_pause_seconds=0.01)
CALL_SECONDS = 0.6
DROP_SECONDS = 0.05
LATE_SECONDS = 5.0  # far less than the drops would take


@contextmanager
def dripping(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A server that treats one connection after another as `talk` says, until the block ends."""
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with suppress(OSError), closing(listener.accept()[0]) as connection:
                talk(connection, over)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)


def answer_in_drops(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while not over.wait(DROP_SECONDS):
        connection.sendall(b" ")


def read_in_drops(connection: socket.socket, over: threading.Event) -> None:
    while not over.wait(DROP_SECONDS) and connection.recv(20_000):
        pass


def given_up_in_time(call: Callable[[], Any]) -> None:
    begin = time.monotonic()
    with pytest.raises(TimedOut):
        call()
    assert CALL_SECONDS * 0.9 <= time.monotonic() - begin < LATE_SECONDS


def test_an_answer_in_drops_does_not_extend_the_call(connect: Connect) -> None:
    with dripping(answer_in_drops) as url:
        given_up_in_time(connect(url, timeout_seconds=CALL_SECONDS, retries=EAGER).models)


def test_an_upload_in_drops_does_not_extend_the_call(connect: Connect) -> None:
    photo = b"x" * 50_000_000
    with dripping(read_in_drops) as url:
        client = connect(url, timeout_seconds=CALL_SECONDS, retries=EAGER)
        given_up_in_time(lambda: client.inpaint(photo, photo))


def test_all_attempts_share_the_time_of_the_call(connect: Connect, script: Script) -> None:
    script.answers = [problem(503, "engine_unavailable", retry_after="0")]
    begin = time.monotonic()
    with pytest.raises((EngineUnavailable, TimedOut)):  # the last attempt may be answered, or cut off
        connect(script.url, timeout_seconds=CALL_SECONDS, retries=EAGER).models()
    assert time.monotonic() - begin < LATE_SECONDS
    assert len(script.asked) > 1


def test_an_attempt_that_is_given_up_costs_the_engine_nothing_more(connect: Connect) -> None:
    engine = FakeEngine()
    engine.delay_seconds = FOREVER_SECONDS
    with running(engine) as url:
        client = connect(url, timeout_seconds=2, retries=EAGER)
        with pytest.raises(TimedOut):
            client.inpaint(scene(), box_mask(), align="none")
        until(lambda: engine.running == 0, "the end of the engine's work")
        assert (engine.calls.total(), engine.canceled) == (1, 1)


def test_every_step_gets_what_is_left() -> None:
    left = Left(time.monotonic() + 60)
    assert left["connect"] == 10
    assert 59 < left["read"] <= 60
    assert dict(Left(time.monotonic() - 1)) == dict.fromkeys(("connect", "read", "write", "pool"), 0.001)
