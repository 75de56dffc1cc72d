"""Logs: JSON lines, one for each request and one for every other message."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from service.telemetry.record import PROBES, RequestRecord

REQUEST_LOGGER = logging.getLogger("service.request")


class JsonLines(logging.Formatter):
    """A record as one line of JSON. `extra={"fields": {...}}` adds keys; a traceback becomes one string."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(level: str = "info") -> None:
    """Send what is of `level` or above to standard error as JSON lines. Called once, by the process's entry."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for quiet in ("uvicorn.error", "uvicorn.access", "httpx", "PIL", "python_multipart"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


def log_request(record: RequestRecord, *, method: str, route: str, status: int, duration_seconds: float) -> None:
    """Write the line of one request. Errors of the service are louder than errors of the caller, probes are silent."""
    level = logging.DEBUG if route in PROBES else logging.ERROR if status >= 500 else logging.INFO
    fields = {
        "request_id": record.request_id,
        "traceparent": record.traceparent,
        "method": method,
        "route": route,
        "status": status,
        "code": record.code,
        "principal": record.principal,
        "client_address": record.client_address,
        "model": record.model,
        "duration_seconds": round(duration_seconds, 4),
        "stage_seconds": {name: round(seconds, 4) for name, seconds in record.stages.seconds.items()},
        "input_pixels": record.input_pixels,
        "hole_ratio": None if record.hole_ratio is None else round(record.hole_ratio, 4),
        "face_count": record.face_count,
    }
    known = {name: value for name, value in fields.items() if value is not None}
    REQUEST_LOGGER.log(level, f"{method} {route} {status}", extra={"fields": known})
