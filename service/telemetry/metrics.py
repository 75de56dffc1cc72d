"""Prometheus metrics of the synchronous path. Labels hold route templates and codes, never ids or paths."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from service.telemetry.record import RequestRecord

SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
PIXELS_BUCKETS = (65_536, 262_144, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 12_000_000, 25_000_000)
RATIO_BUCKETS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series a counter, which nobody reads


class Metrics:
    """One registry an application, so that two applications in one process do not share counts."""

    def __init__(self, version: str) -> None:
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
        self.in_flight = Gauge("inpaint_http_requests_in_flight", "Requests being answered.", registry=registry)
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
            "inpaint_engine_ready", "1 when the engine can run the model.", ["model"], registry=registry
        )
        Info("inpaint_build", "What runs.", registry=registry).info({"version": version})

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

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)
