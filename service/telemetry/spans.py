"""OpenTelemetry: FastAPI makes a span of every request, Stages one of every stage.

Spans leave the process only when the extra `otel` is installed and OTEL_EXPORTER_OTLP_ENDPOINT (or its own variant for
traces) names a collector. Metrics stay with Prometheus. FastAPI's log records could hold what was sent: not made.
"""

from __future__ import annotations

from fastapi.telemetry import TelemetryConfig
from starlette.types import Scope

from service.telemetry.record import PROBES


def route_path(scope: Scope) -> str:
    """The path as routes are written, whether the proxy has taken the prefix off or not."""
    prefix, path = scope.get("root_path", ""), str(scope["path"])
    return path[len(prefix) :] if path.startswith(f"{prefix}/") else path


def is_probe(scope: Scope) -> bool:
    """Asked every few seconds, and of no interest in a trace."""
    return scope["type"] != "http" or route_path(scope) in PROBES


def telemetry(root_path: str = "") -> TelemetryConfig:
    """What FastAPI does, for an API under this prefix. It asks `exclude` before any middleware has seen the request."""

    def exclude(scope: Scope) -> bool:
        return is_probe({**scope, "root_path": root_path})

    return TelemetryConfig(
        auto_configure=True, tracing=True, metrics=False, logs=False, operation_spans=False, exclude=exclude
    )
