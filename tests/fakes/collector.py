"""A collector of OpenTelemetry on a port of this machine."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(HTTPServer):
    """Keeps the bodies of what is sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.received: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Span]:
        """Every span that has come so far."""
        sent = [ExportTraceServiceRequest.FromString(body) for _, body in self.received]
        return [
            span
            for request in sent
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def services(self) -> set[str]:
        """The `service.name` of everything that has come so far."""
        sent = [ExportTraceServiceRequest.FromString(body) for _, body in self.received]
        resources = [spans.resource for request in sent for spans in request.resource_spans]
        return {one.value.string_value for it in resources for one in it.attributes if one.key == "service.name"}


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["content-length"]))
        plain = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
        self.server.received.append((self.path, plain))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that runs until the block ends."""
    server = Collector()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
