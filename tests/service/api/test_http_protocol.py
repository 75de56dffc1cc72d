from __future__ import annotations

import inspect
import json
import socket
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png
from tests.fakes.server import running
from tests.fakes.waiting import PATIENCE_SECONDS
from tests.service.api.conftest import multipart

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


def connected(url: str, receive_bytes: int | None = None) -> socket.socket:
    """A bare connection to a server, with a time-out for every step."""
    address = urlsplit(url)
    made = socket.socket()
    if receive_bytes is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(20)
    made.connect((address.hostname, address.port))
    return made


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other side ends it, politely or not."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def answered(connection: socket.socket) -> bool:
    """Read the whole answer to GET, which may come in parts."""
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(4096)
        if not part:
            return False
        answer += part
    return answer.startswith(b"HTTP/1.1 200")


def trickled(connection: socket.socket, seconds: float) -> bool:
    """Send a byte now and then; False when the other side had enough."""
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            connection.sendall(b"G")
            time.sleep(0.05)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("start", [b"", b"GET /livez HTTP/1.1\r\nX-Slow: "])
def test_a_head_that_does_not_end_is_cut_off(start: bytes) -> None:
    with running(FakeEngine(), head_timeout_seconds=0.3) as url, connected(url) as connection:
        begin = time.monotonic()
        connection.sendall(start)
        assert read_all(connection) == b""
        assert time.monotonic() - begin > 0.2


def test_a_head_that_trickles_is_cut_off_also_after_a_first_request() -> None:
    with running(FakeEngine(), head_timeout_seconds=0.5) as url, connected(url) as connection:
        connection.sendall(GET)
        assert answered(connection)
        assert not trickled(connection, PATIENCE_SECONDS)


def test_a_request_in_time_is_answered_and_the_connection_kept() -> None:
    with running(FakeEngine(), head_timeout_seconds=1) as url, connected(url) as connection:
        for pause_seconds in (1.5, 0):
            connection.sendall(GET[:20])
            time.sleep(0.1)
            connection.sendall(GET[20:])
            assert answered(connection)
            time.sleep(pause_seconds)


def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2600, 2600, 3), dtype=np.uint8)  # 20 MB: no buffer holds it
    picture = png(noise, compress_level=1)
    body, headers = multipart(picture, png(box_mask(2600, 2600)))
    with running(FakeEngine(), download_timeout_seconds=0.5) as url, connected(url, 4096) as connection:
        head = f"POST /inpaint HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{headers}\r\n\r\n"
        connection.sendall(head.encode() + body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        time.sleep(1.5)
        assert len(read_all(connection)) < len(picture) / 2


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", b"x" * 200_000]
)
def test_what_is_no_http_is_told_so_in_a_problem(nonsense: bytes) -> None:
    with running(FakeEngine()) as url, connected(url) as connection:
        connection.sendall(nonsense)
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "bad_request"


def test_uvicorn_is_a_version_whose_inner_life_is_known() -> None:
    """http_protocol.py uses what uvicorn does not promise to keep. With another version: read the parts of its
    H11Protocol that are named here, run this file and middleware/test_connection_limit.py, and add it."""
    assert uvicorn.__version__ in {"0.54.0"}
    methods = {
        "connection_made": ["transport"],
        "connection_lost": ["exc"],
        "data_received": ["data"],
        "pause_writing": [],
        "resume_writing": [],
        "timeout_keep_alive_handler": [],
        "send_400_response": ["msg"],
    }
    for name, arguments in methods.items():
        assert list(inspect.signature(getattr(H11Protocol, name)).parameters)[1:] == arguments, name
    read = inspect.getsource(H11Protocol.__init__)
    for attribute in (
        "self.conn =",
        "self.cycle:",
        "self.connections =",
        "self.app_state =",
        "self.loop =",
        "self.transport",
    ):
        assert attribute in read, attribute
