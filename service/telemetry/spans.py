"""OpenTelemetry: FastAPI makes a span of every request, Stages one of every stage.

Spans leave the process only when the extra `otel` is installed and OTEL_EXPORTER_OTLP_ENDPOINT (or its own variant for
traces) names a collector. Metrics stay with Prometheus. FastAPI's log records could hold what was sent: not made.
"""

from __future__ import annotations

from fastapi.telemetry import TelemetryConfig
from starlette.types import Scope

from service.telemetry.record import PROBES


def is_probe(scope: Scope) -> bool:
    """Asked every few seconds, and of no interest in a trace."""
    return scope["type"] != "http" or scope["path"] in PROBES


TELEMETRY = TelemetryConfig(
    auto_configure=True, tracing=True, metrics=False, logs=False, operation_spans=False, exclude=is_probe
)
