"""Prometheus metrics of the synchronous path. Labels hold route templates and codes, never ids or paths.

One process per container needs nothing more. Several workers behind one port count together when
PROMETHEUS_MULTIPROC_DIR names an empty folder: whichever of them is asked then answers for all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
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
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service.telemetry.record import PROBES, RequestRecord

SECONDS_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 3.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0
)  # fmt: skip
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
            "inpaint_http_requests",
            "Requests that were answered, by method, route template and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.http_seconds = Histogram(
            "inpaint_http_request_duration_seconds",
            "Seconds from the head of a request to the last byte of its answer, by method, route template and class of "
            "the status (2xx, 4xx, ...).",
            ["method", "route", "status_class"],
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "inpaint_http_requests_in_flight",
            "Requests that are being answered now, probes included.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.waiting = Gauge(
            "inpaint_http_requests_waiting",
            "Requests that wait now: for their turn to be worked on, or with ?wait= for the end of a job.",
            ["awaited"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "inpaint_stage_duration_seconds",
            "Seconds that a request spent in a stage (decode, align, infer, compose, encode), by the model asked for.",
            ["stage", "model"],
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.input_pixels = Histogram(
            "inpaint_input_pixels",
            "Pixels of each picture that was worked on, width times height.",
            buckets=PIXELS_BUCKETS,
            registry=registry,
        )
        self.hole_ratio = Histogram(
            "inpaint_hole_ratio",
            "Share of each picture that was missing, from 0 to 1.",
            buckets=RATIO_BUCKETS,
            registry=registry,
        )
        self.rejections = Counter(
            "inpaint_rejections",
            "Requests that were answered with a problem, by its code; probes are not counted.",
            ["reason"],
            registry=registry,
        )
        self.rate_unchecked = Counter(
            "inpaint_rate_limit_unchecked",
            "Requests whose rate was not checked because Redis did not answer.",
            registry=registry,
        )
        self.engine_requests = Counter(
            "inpaint_engine_requests",
            "Calls of the engine by requests, by deployed model and outcome (ok or a code of a problem).",
            ["model", "code"],
            registry=registry,
        )
        self.engine_seconds = Histogram(
            "inpaint_engine_request_duration_seconds",
            "Seconds that a call of the engine took, by deployed model.",
            ["model"],
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self.engine_ready = Gauge(
            "inpaint_engine_ready",
            "1 if the engine said at the last probe that it can run the deployed model, else 0.",
            ["model"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self.without_snapshot = Gauge(
            "inpaint_model_without_snapshot",
            "1 if the engine was ready at the last probe and has no snapshot of the deployed model, else 0.",
            ["model"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        build = Gauge(
            "inpaint_build_info",
            "Always 1; the label says which version of the service runs.",
            ["version"],
            multiprocess_mode="max",
            registry=registry,
        )
        build.labels(version).set(1)

    def observe_request(
        self, record: RequestRecord, *, method: str, route: str, status: int, duration_seconds: float
    ) -> None:
        """Count one finished request."""
        self.http_requests.labels(method, route, str(status)).inc()
        self.http_seconds.labels(method, route, f"{status // 100}xx").observe(duration_seconds)
        for stage, seconds in record.stages.seconds.items():
            self.stage_seconds.labels(stage, record.model or "").observe(seconds)
        if record.input_pixels is not None:
            self.input_pixels.observe(record.input_pixels)
        if record.hole_ratio is not None:
            self.hole_ratio.observe(record.hole_ratio)
        if record.code is not None and route not in PROBES:
            self.rejections.labels(record.code).inc()

    def called(self, model: str, code: str, seconds: float) -> None:
        """Count one call of a model."""
        self.engine_requests.labels(model, code).inc()
        self.engine_seconds.labels(model).observe(seconds)

    def found_ready(self, model: str, ready: bool) -> None:
        """Keep what the engine said of a model."""
        self.engine_ready.labels(model).set(ready)

    def found_without_snapshot(self, model: str, without: bool) -> None:
        """Keep whether the model is one that nobody has trained, so that no alarm is raised for it."""
        self.without_snapshot.labels(model).set(without)

    def text(self, more: Iterable[Metric] = (), encode: Callable[[Collector], bytes] = generate_latest) -> bytes:
        """Everything, and these families too, in Prometheus' text format or as `encode` writes it."""
        return encode(_Families([*self._collected(), *more]))

    def _collected(self) -> Iterable[Metric]:
        if self._shared_folder is None:
            return self.registry.collect()
        together = CollectorRegistry()
        forget_ended(self._shared_folder)
        MultiProcessCollector(together, str(self._shared_folder))  # type: ignore[no-untyped-call]  # has no types
        return together.collect()


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


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
