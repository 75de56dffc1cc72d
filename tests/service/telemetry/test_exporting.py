"""Spans of jobs: a real API, real workers, and a collector beside them."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from service.settings import traces_endpoint
from service.telemetry.exporting import SEND_SECONDS, exporting, job_span
from tests.fakes.collector import Collector, collecting
from tests.fakes.engine import FakeEngine
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.ports import free_port
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted import scripted
from tests.fakes.served_engine import ServedEngine
from tests.fakes.waiting import until
from tests.service.api.conftest import form_files, framed
from tests.service.test_main import launch
from tests.service.test_worker import Workers

TRACE = "0af7651916cd43dd8448eb211c80319c"
GIVEN = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
STAGES = {"decode", "align", "infer", "compose", "encode"}
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
HOOKS = {"WEBHOOK_SECRET": SECRET, "WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOW_PRIVATE": "true"}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


def answers(url: str) -> bool:
    try:
        return http.get(f"{url}/livez").status_code == 200
    except httpx.TransportError:
        return False


def launch_api(folder: Path, redis: RedisServer, **environment: str) -> tuple[subprocess.Popen[str], str]:
    """A real API that can take jobs; its engine is never asked."""
    port = str(free_port())
    process = launch(folder, "service", REDIS_URL=redis.url, PORT=port, ENGINE_URL="127.0.0.1:1", **environment)
    url = f"http://127.0.0.1:{port}"
    until(lambda: answers(url), "the start of the API")
    return process, url


def spans_of(collector: Collector, names: set[str]) -> dict[str, Span]:
    """The spans by name, once all of `names` have come."""
    until(lambda: names <= {span.name for span in collector.spans()}, f"the end of {names}")
    return {span.name: span for span in collector.spans()}


def test_the_trace_of_the_request_goes_on_in_the_job_and_in_the_webhook(collector: Collector, tmp_path: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **HOOKS}
    with RedisServer() as redis, ServedEngine(FakeEngine()) as engine, scripted() as hook:
        workers = Workers(redis, engine, tmp_path)
        api, url = launch_api(tmp_path, redis, **environment)
        try:
            for queue in ("inpaint", "webhooks"):
                workers.start(queue, **environment)
            form = framed(form_files(png(scene()), png(box_mask())))
            options = {"files": form, "data": {"webhook_url": f"{hook.url}/hook"}, "headers": GIVEN}
            job = http.post(f"{url}/jobs", **options, timeout=30).json()
            done = http.get(f"{url}{job['url']}?wait=60", timeout=90).json()
            assert done["state"] == "succeeded", done
            jobs_spans = spans_of(collector, {"job", "webhook", *STAGES})
            api.terminate()
            assert api.wait(20) == 0
            spans = spans_of(collector, {"POST /jobs", *jobs_spans})
        finally:
            api.kill()
            workers.end()
    assert {spans[name].trace_id.hex() for name in ("POST /jobs", "job", "webhook", *STAGES)} == {TRACE}
    assert spans["job"].parent_span_id == spans["webhook"].parent_span_id == spans["POST /jobs"].span_id
    assert {spans[name].parent_span_id for name in STAGES} == {spans["job"].span_id}


def test_a_job_without_a_collector_runs_and_one_with_a_dead_collector_is_not_held_up(tmp_path: Path) -> None:
    with RedisServer() as redis, ServedEngine(FakeEngine()) as engine:
        api, url = launch_api(tmp_path, redis)
        workers = Workers(redis, engine, tmp_path)
        try:
            for environment in ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}):
                worker = workers.start(**environment)
                form = framed(form_files(png(scene()), png(box_mask())))
                jobs = [http.post(f"{url}/jobs", files=form, timeout=30).json() for _ in range(2)]
                first, second = (http.get(f"{url}{job['url']}?wait=60", timeout=90).json() for job in jobs)
                assert (first["state"], second["state"]) == ("succeeded", "succeeded")
                held_up = datetime.fromisoformat(second["started_at"]) - datetime.fromisoformat(first["finished_at"])
                assert held_up.total_seconds() < SEND_SECONDS + 5, "the exporter itself gives up after ten"
                worker.terminate()
                worker.wait(20)
        finally:
            api.kill()
            workers.end()


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/x"}, "http://c/x"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "True"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
    ],
)
def test_the_variables_mean_what_they_mean_for_the_api(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], endpoint: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert traces_endpoint() == endpoint


def test_without_opentelemetry_a_job_makes_no_span() -> None:
    with exporting(None), job_span("job", GIVEN["traceparent"], {}):
        from opentelemetry.trace import get_current_span

        assert not get_current_span().get_span_context().is_valid
