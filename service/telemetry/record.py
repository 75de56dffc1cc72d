"""What is known of one request while it runs. The log line, the metrics and the headers are made from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.trace import get_tracer

TRACER = get_tracer("service")
PROBES = frozenset({"/livez", "/readyz", "/startupz", "/healthz", "/metrics"})  # asked every few seconds by machines


class Stages:
    """Seconds spent per named stage, in the order in which the stages began. A stage that runs twice adds up.

    Every stage is a span of OpenTelemetry too; without its SDK that costs nothing.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count the time inside the block for stage `name`, also when it fails."""
        start_seconds = time.perf_counter()
        self.seconds.setdefault(name, 0.0)
        try:
            with TRACER.start_as_current_span(name, record_exception=False, set_status_on_exception=False):
                yield
        finally:
            self.seconds[name] += time.perf_counter() - start_seconds

    def add(self, other: Stages) -> None:
        """Count what another one has counted."""
        for name, seconds in other.seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def server_timing(self) -> str:
        """The value of the `Server-Timing` header, milliseconds."""
        return ", ".join(f"{name};dur={seconds * 1000:.1f}" for name, seconds in self.seconds.items())


@dataclass
class RequestRecord:
    """Never a file name, never image content: faces are personal data."""

    request_id: str
    stages: Stages = field(default_factory=Stages)
    model: str | None = None
    code: str | None = None
    input_pixels: int | None = None
    hole_ratio: float | None = None
    face_count: int | None = None
    traceparent: str | None = None  # this request's own, as it is handed on
    client_address: str | None = None  # only if it is asked for: it is personal data
    principal: str | None = None  # the id of the caller's key
    headers: dict[str, str] = field(default_factory=dict)  # that the answer carries, whatever becomes of it
