"""A whole process with a collector beside it: what leaves, and that nothing leaves otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from service.telemetry.spans import is_probe, telemetry
from tests.fakes.collector import Collector, collecting

TRACE = "0af7651916cd43dd8448eb211c80319c"
ONE_REQUEST = f"""
from service.telemetry.logs import configure_logs
from tests.fakes.engine import FakeEngine
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.server import running
from tests.service.api.conftest import form_files, framed

configure_logs()
with running(FakeEngine()) as url:
    traceparent = {{"traceparent": "00-{TRACE}-b7ad6b7169203331-01"}}
    form = framed(form_files(png(scene()), png(box_mask())))
    assert http.post(url + "/inpaint", files=form, headers=traceparent, timeout=60).status_code == 200
    assert http.get(url + "/livez").status_code == 200
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


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
    line = one_request(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert {path for path, _ in collector.received} == {"/v1/traces"}
    assert collector.services() == {"face-inpainting"}
    spans = {span.name: span for span in collector.spans()}
    assert set(spans) == {"POST /inpaint", "decode", "align", "infer", "compose", "encode"}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    whole = spans["POST /inpaint"]
    assert whole.parent_span_id.hex() == "b7ad6b7169203331"
    assert {span.parent_span_id for name, span in spans.items() if name != "POST /inpaint"} == {whole.span_id}
    assert line["traceparent"] == f"00-{TRACE}-{whole.span_id.hex()}-01"


@pytest.mark.parametrize(
    "named", [{"OTEL_SERVICE_NAME": "faces"}, {"OTEL_RESOURCE_ATTRIBUTES": "a=b,service.name=faces"}]
)
def test_the_name_of_the_service_is_the_operators(collector: Collector, named: dict[str, str]) -> None:
    one_request(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **named)
    assert collector.services() == {"faces"}


def test_without_an_endpoint_nothing_leaves_and_the_trace_is_still_joined(collector: Collector) -> None:
    line = one_request()
    assert collector.received == []
    assert line["traceparent"].startswith(f"00-{TRACE}-")


def test_probes_are_left_out() -> None:
    assert is_probe({"type": "http", "path": "/readyz"})
    assert not is_probe({"type": "http", "path": "/inpaint"})


@pytest.mark.parametrize("path", ["/livez", "/faces/livez"])
def test_probes_are_left_out_under_a_prefix_too(path: str) -> None:
    exclude = telemetry("/faces")["exclude"]
    assert exclude is not None
    assert exclude({"type": "http", "path": path})
    assert not exclude({"type": "http", "path": "/faces/inpaint"})
    assert not exclude({"type": "http", "path": "/facesx/livez"})
