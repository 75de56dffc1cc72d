"""OpenTelemetry in the process of a job. FastAPI sets it up for the API; a job's process does so itself, from the same
variables, when it begins, and sends its spans before it ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.trace import ProxyTracerProvider, SpanKind, get_tracer_provider, set_tracer_provider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.telemetry.record import TRACER

SERVICE_NAME = "face-inpainting"
SEND_SECONDS = 3.0  # the longest that a collector which does not answer may hold up the next job


def name_spans() -> None:
    """Give the spans of this process a `service.name`, unless OpenTelemetry's own variables do."""
    if "service.name=" not in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        os.environ.setdefault("OTEL_SERVICE_NAME", SERVICE_NAME)


@contextmanager
def exporting(endpoint: str | None) -> Iterator[None]:
    """Send the spans of the block to the OTLP endpoint; nothing without one, or without the extra `otel`."""
    if endpoint is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        yield
        return
    name_spans()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    set_tracer_provider(provider)
    try:
        yield
    finally:
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(SEND_SECONDS)


@contextmanager
def job_span(name: str, traceparent: str, attributes: Mapping[str, str | int]) -> Iterator[None]:
    """A span under the one that `traceparent` names: that of the request which asked for the job. Without OpenTelemetry
    the block just runs."""
    if isinstance(get_tracer_provider(), ProxyTracerProvider):  # nobody has set one up
        yield
        return
    asked = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    with TRACER.start_as_current_span(name, asked, SpanKind.CONSUMER, attributes, record_exception=False):
        yield
