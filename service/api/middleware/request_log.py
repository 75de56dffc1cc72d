"""The outermost layer: it gives a request its id, its trace and its record, and writes its log line at the end."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_response
from service.api.security_headers import security_headers
from service.errors import Draining, ServiceError
from service.telemetry.logs import log_request
from service.telemetry.metrics import Metrics
from service.telemetry.record import RequestRecord
from service.telemetry.spans import route_path
from service.trace import begin_trace

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
GONE_STATUS = 499
OTHER_ROUTE = "other"  # nothing matched, or the documentation pages

logger = logging.getLogger(__name__)


class RequestLogMiddleware:
    """Pure ASGI. Opens the record, answers errors that nothing inside has caught, then counts and logs the request."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, log_client_address: bool = False) -> None:
        self.app = app
        self.metrics = metrics
        self.log_client_address = log_client_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        logged = LoggedRequest(scope, send)
        if self.log_client_address and scope.get("client"):
            logged.record.client_address = scope["client"][0]
        start_seconds = time.perf_counter()
        self.metrics.in_flight.inc()
        try:
            await self._answer(logged, scope, receive)
        finally:
            self.metrics.in_flight.dec()
            self._finish(logged, scope, time.perf_counter() - start_seconds)

    async def _answer(self, logged: LoggedRequest, scope: Scope, receive: Receive) -> None:
        try:
            await self.app(scope, receive, logged.send)
        except asyncio.CancelledError:  # the server cancels what outlives its drain
            await logged.fail(Draining("The service stopped before this request was done."))
            raise
        except ServiceError as error:
            await logged.fail(error)
        except Exception as error:
            logger.exception("unexpected error", extra={"fields": {"request_id": logged.record.request_id}})
            await logged.fail(error)

    def _finish(self, logged: LoggedRequest, scope: Scope, duration_seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        route = getattr(scope.get("route"), "path", OTHER_ROUTE)
        self.metrics.observe_request(
            logged.record, method=method, route=route, status=logged.status, duration_seconds=duration_seconds
        )
        log_request(logged.record, method=method, route=route, status=logged.status, duration_seconds=duration_seconds)


class LoggedRequest:
    """One request and its answer: its record, and the headers that every answer carries."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        headers = Headers(scope=scope)
        self.record = RequestRecord(_request_id(headers), traceparent=begin_trace(headers.get("traceparent")))
        self.status = GONE_STATUS
        self._send = send
        self._started = False
        scope.setdefault("state", {})["record"] = self.record

    async def send(self, message: Message) -> None:
        """Pass a message of the answer on; the first one gets the common headers."""
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            self._add_headers(MutableHeaders(scope=message))
        await self._send(message)

    async def fail(self, error: Exception) -> None:
        """Answer with a problem, if nothing has been sent yet."""
        if self._started:
            return
        await problem_response(error, self.scope)(self.scope, _nothing, self.send)

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["X-Request-Id"] = self.record.request_id
        headers.update(security_headers(route_path(self.scope)))
        headers.update(self.record.headers)
        if self.record.stages.seconds:
            headers["Server-Timing"] = self.record.stages.server_timing()


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
