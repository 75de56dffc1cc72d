"""The trace that a request belongs to: W3C's `traceparent`, read from the caller and handed on to the engine.

OpenTelemetry's span is the one that is handed on where it is set up; elsewhere the ids are made here.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

from opentelemetry.trace import get_current_span

TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?")
NOT_SAMPLED = "00"

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def begin_trace(given: str | None) -> str:
    """Join the trace of the given `traceparent`, or begin one; return this request's own `traceparent`."""
    made = _from_span() or _child_of(given)
    _current.set(made)
    return made


def current_traceparent() -> str | None:
    """What to hand on: the innermost span, else what `begin_trace` made; None outside a request."""
    return _from_span() or _current.get()


def trace_headers() -> dict[str, str]:
    """The headers (or gRPC metadata) of a call that belongs to the current trace."""
    traceparent = current_traceparent()
    return {} if traceparent is None else {"traceparent": traceparent}


def _from_span() -> str | None:
    span = get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else None


def _child_of(given: str | None) -> str:
    match = TRACEPARENT.fullmatch(given or "")
    trace_id, flags = match.groups() if match else (secrets.token_hex(16), NOT_SAMPLED)
    return f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"
