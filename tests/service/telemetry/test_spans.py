"""A whole process with a collector beside it: what leaves, and that nothing leaves otherwise."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from service.telemetry.spans import is_probe

TRACE = "0af7651916cd43dd8448eb211c80319c"
ONE_REQUEST = f"""
import httpx
from service.telemetry.logs import configure_logs
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.server import running
from tests.service.api.conftest import form_files

configure_logs()
with running(FakeEngine()) as url:
    traceparent = {{"traceparent": "00-{TRACE}-b7ad6b7169203331-01"}}
    form = form_files(png(scene()), png(box_mask()))
    assert httpx.post(url + "/inpaint", files=form, headers=traceparent, timeout=60).status_code == 200
    assert httpx.get(url + "/livez").status_code == 200
"""


class Collector(HTTPServer):
    """Keeps the bodies of what is sent to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.received: list[tuple[str, bytes]] = []


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


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def one_request(**environment: str) -> dict:
    """Answer one request in a process of its own; the log line of it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", ONE_REQUEST]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("route") == "/inpaint"]
    return line


def test_a_request_and_its_stages_are_spans_of_the_callers_trace(collector: Collector) -> None:
    line = one_request(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}")
    assert {path for path, _ in collector.received} == {"/v1/traces"}
    spans = {}
    for _, body in collector.received:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            spans |= {span.name: span for scope in resource.scope_spans for span in scope.spans}
    assert set(spans) == {"POST /inpaint", "decode", "align", "infer", "compose", "encode"}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    whole = spans["POST /inpaint"]
    assert whole.parent_span_id.hex() == "b7ad6b7169203331"
    assert {span.parent_span_id for name, span in spans.items() if name != "POST /inpaint"} == {whole.span_id}
    assert line["traceparent"] == f"00-{TRACE}-{whole.span_id.hex()}-01"


def test_without_an_endpoint_nothing_leaves_and_the_trace_is_still_joined(collector: Collector) -> None:
    line = one_request()
    assert collector.received == []
    assert line["traceparent"].startswith(f"00-{TRACE}-")


def test_probes_are_left_out() -> None:
    assert is_probe({"type": "http", "path": "/readyz"})
    assert not is_probe({"type": "http", "path": "/inpaint"})
