"""Prometheus metrics of the synchronous path. Labels hold route templates and codes, never ids or paths.

One process per container needs nothing more. Several workers behind one port count together when
PROMETHEUS_MULTIPROC_DIR names an empty folder: whichever of them is asked then answers for all.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from service.telemetry.record import RequestRecord

SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
PIXELS_BUCKETS = (65_536, 262_144, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 12_000_000, 25_000_000)
RATIO_BUCKETS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody reads


class Metrics:
    """One registry for each application, so that two applications in one process do not share counts.

    `shared_folder`: where all processes of the service keep their counts, if several count together.
    """

    def __init__(self, version: str, shared_folder: Path | None = None) -> None:
        self._shared_folder = shared_folder
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.http_requests = Counter(
            "inpaint_http_requests", "Answers.", ["method", "route", "status"], registry=registry
        )
        self.http_seconds = Histogram(
            "inpaint_http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ["method", "route"],
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "inpaint_http_requests_in_flight",
            "Requests being answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "inpaint_stage_duration_seconds", "A stage.", ["stage"], buckets=SECONDS_BUCKETS, registry=registry
        )
        self.input_pixels = Histogram(
            "inpaint_input_pixels", "Pixels of a picture.", buckets=PIXELS_BUCKETS, registry=registry
        )
        self.hole_ratio = Histogram(
            "inpaint_hole_ratio", "Missing share of a picture.", buckets=RATIO_BUCKETS, registry=registry
        )
        self.rejections = Counter("inpaint_rejections", "Refused requests.", ["reason"], registry=registry)
        self.rate_unchecked = Counter(
            "inpaint_rate_limit_unchecked", "Requests that passed because Redis did not answer.", registry=registry
        )
        self.engine_requests = Counter(
            "inpaint_engine_requests", "Calls of a model.", ["model", "code"], registry=registry
        )
        self.engine_seconds = Histogram(
            "inpaint_engine_request_duration_seconds", "A call.", ["model"], buckets=SECONDS_BUCKETS, registry=registry
        )
        self.engine_ready = Gauge(
            "inpaint_engine_ready",
            "1 when the engine can run the model.",
            ["model"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        build = Gauge("inpaint_build_info", "What runs.", ["version"], multiprocess_mode="max", registry=registry)
        build.labels(version).set(1)

    def observe_request(
        self, record: RequestRecord, *, method: str, route: str, status: int, duration_seconds: float
    ) -> None:
        """Count one finished request."""
        self.http_requests.labels(method, route, str(status)).inc()
        self.http_seconds.labels(method, route).observe(duration_seconds)
        for stage, seconds in record.stages.seconds.items():
            self.stage_seconds.labels(stage).observe(seconds)
        if record.input_pixels is not None:
            self.input_pixels.observe(record.input_pixels)
        if record.hole_ratio is not None:
            self.hole_ratio.observe(record.hole_ratio)
        if record.code is not None:
            self.rejections.labels(record.code).inc()

    def called(self, model: str, code: str, seconds: float) -> None:
        """Count one call of a model."""
        self.engine_requests.labels(model, code).inc()
        self.engine_seconds.labels(model).observe(seconds)

    def found_ready(self, model: str, ready: bool) -> None:
        """Keep what the engine said of a model."""
        self.engine_ready.labels(model).set(ready)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        if self._shared_folder is None:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        forget_ended(self._shared_folder)
        MultiProcessCollector(together, str(self._shared_folder))  # type: ignore[no-untyped-call]  # has no types
        return generate_latest(together)


def forget_ended(shared_folder: Path) -> None:
    """Drop what ended processes had under way; what they have counted stays."""
    for file in shared_folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not is_running(pid):
            file.unlink(missing_ok=True)


def is_running(pid: int) -> bool:
    """Whether there is a process with this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
