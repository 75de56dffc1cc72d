"""Over real sockets: what a hostile or slow body does."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from service.api.middleware import body_limit
from tests.fakes.engine import FakeEngine
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.server import running
from tests.fakes.waiting import until
from tests.service.api.conftest import form_files

MAX_BODY_BYTES = 1_000_000
HEAD = b"POST /inpaint HTTP/1.1\r\nHost: test\r\nContent-Type: multipart/form-data; boundary=x\r\n"
FILE_PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body_limit, "LINGER_IDLE_SECONDS", 1.0)  # for those that wait until they are cut off
        yield from served()


def served() -> Iterator[str]:
    with running(FakeEngine(), max_body_bytes=MAX_BODY_BYTES, upload_timeout_seconds=0.5) as url:
        yield url


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], dict]:
    """Status, headers and JSON body; the server must close the connection."""
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, json.loads(body[: int(headers["content-length"])])


def test_a_large_declared_body_is_refused_before_it_is_read(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(HEAD + b"Content-Length: 100000000\r\nExpect: 100-continue\r\n\r\n")
        status, headers, body = answer(connection)
    assert (status, body["code"], headers["connection"]) == (413, "body_too_large", "close")
    assert body["errors"] == [{"allowed_bytes": MAX_BODY_BYTES, "setting": "MAX_BODY_BYTES"}]


def test_a_client_that_sends_everything_first_still_reads_the_refusal(url: str) -> None:
    response = http.post(f"{url}/inpaint", files=form_files(b"\0" * 8_000_000, b"\0"))
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert response.headers["connection"] == "close"


def test_a_client_that_takes_its_time_to_send_everything_still_reads_the_refusal(url: str) -> None:
    pieces, pause_seconds = 16, 0.25
    piece = b"-" * (2 * MAX_BODY_BYTES // pieces)
    with connect(url) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (pieces * len(piece)))
        for _ in range(pieces):
            time.sleep(pause_seconds)  # this client is slow: nothing can be waited for
            connection.sendall(piece)
        status, headers, body = answer(connection)
    assert (status, body["code"], headers["connection"]) == (413, "body_too_large", "close")


def test_a_chunked_body_without_end_is_refused_when_it_grows_too_large(url: str) -> None:
    start = b"%x\r\n" % len(FILE_PART) + FILE_PART + b"\r\n"
    chunk = b"%x\r\n" % 65536 + b"\0" * 65536 + b"\r\n"
    with connect(url) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + start)
        for _ in range(30):
            connection.sendall(chunk)
        status, headers, body = answer(connection)
    assert (status, body["code"], headers["connection"]) == (413, "body_too_large", "close")


def test_a_body_at_the_limit_passes(url: str) -> None:
    tail = b"\r\n--x--\r\n"
    body = FILE_PART + b"\0" * (MAX_BODY_BYTES - len(FILE_PART) - len(tail)) + tail
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert http.post(f"{url}/inpaint", content=body, headers=headers).status_code == 422
    assert http.post(f"{url}/inpaint", content=body + b" ", headers=headers).status_code == 413


def test_a_slow_body_is_given_up(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n--x\r\n")
        status, headers, body = answer(connection)
    assert (status, body["code"], headers["connection"]) == (408, "upload_timeout", "close")


def test_a_body_that_drips_does_not_win_time(url: str) -> None:
    def has_answer() -> bool:
        connection.sendall(b"-")
        with suppress(TimeoutError):
            return connection.recv(1, socket.MSG_PEEK) != b""
        return False

    with connect(url) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n" + FILE_PART)
        connection.settimeout(0.1)
        until(has_answer, "the end of the upload")
        connection.settimeout(10)
        status, _, body = answer(connection)
    assert (status, body["code"]) == (408, "upload_timeout")


def test_a_body_shorter_than_declared_ends_without_an_answer_and_without_harm(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n--x\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert http.get(f"{url}/livez").status_code == 200


def test_a_connection_is_kept_for_the_next_request_after_a_whole_body(url: str) -> None:
    with httpx.Client(base_url=url) as client:
        for _ in range(2):
            response = client.post("/inpaint", files=form_files(png(scene()), png(box_mask())))
            assert response.status_code == 200
            assert "connection" not in response.headers
