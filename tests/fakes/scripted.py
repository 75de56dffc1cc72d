"""An HTTP server that answers what a test tells it, in order, and remembers what it was sent."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    delay_seconds: float = 0.0
    hang_up: bool = False  # close the connection without a word


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at_seconds: float


def problem(status: int, code: str, *, retry_after: str | None = None, **members: Any) -> Answer:
    """An RFC 9457 answer."""
    headers = {"Content-Type": "application/problem+json", "X-Request-Id": "id-1"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    content = {"title": "A title", "status": status, "detail": "A detail.", "code": code, "errors": [], **members}
    return Answer(status, json.dumps(content).encode(), headers)


class Script:
    """The last answer is repeated when the list has run out."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer()]
        self.asked: list[Asked] = []
        self.url = ""

    def next_for(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@contextmanager
def scripted(tls: ssl.SSLContext | None = None) -> Iterator[Script]:
    """A script whose `url` is served until the block ends; over TLS with a context."""
    script, over = Script(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.connection.settimeout(10)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._say(script.next_for(Asked(self.command, self.path, headers, body, time.monotonic())))

        do_POST = do_DELETE = do_GET

        def _say(self, answer: Answer) -> None:
            over.wait(answer.delay_seconds)
            self.close_connection = answer.hang_up
            if answer.hang_up:
                return
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # the client did not wait
                self.end_headers()
                self.wfile.write(answer.body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        script.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        try:
            yield script
        finally:
            over.set()
            server.shutdown()
