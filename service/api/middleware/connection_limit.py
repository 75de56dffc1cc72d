"""The limit of open connections. Beyond MAX_CONNECTIONS, a connection gets one answer and is then closed.

The answer is 429, except for probes and /metrics: they work as usual, so that an overloaded process is not mistaken
for a dead one.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_response
from service.errors import TooManyConnections
from service.telemetry.spans import is_probe

SPARE_CONNECTIONS = 64  # beyond the limit, for one answer each
SPARE_HEAD_SECONDS = 2.0  # in which a connection beyond the limit must send the head of its request
SURPLUS = "surplus"  # in a request's state: its connection is beyond the limit


class OpenConnection(Protocol):
    """An open connection, as far as SurplusConnections needs to know it."""

    transport: asyncio.Transport

    @property
    def is_silent(self) -> bool:
        """Whether it has not sent a whole head yet."""
        ...


class SurplusConnections:
    """The connections beyond the limit. If even these are too many, the oldest that has sent nothing is closed."""

    def __init__(self, max_connections: int, spare_connections: int = SPARE_CONNECTIONS) -> None:
        self._max_connections = max_connections
        self._spare_connections = spare_connections
        self._surplus: dict[OpenConnection, None] = {}

    def enter(self, newcomer: OpenConnection, open_connections: int) -> bool:
        """Whether `newcomer`, one of the open connections, is beyond the limit."""
        if open_connections - len(self._surplus) <= self._max_connections:
            return False
        if len(self._surplus) >= self._spare_connections:
            leaving = next((held for held in self._surplus if held.is_silent), newcomer)
            leaving.transport.abort()
            self._surplus.pop(leaving, None)
        self._surplus[newcomer] = None
        return True

    def leave(self, held: OpenConnection) -> None:
        """Its connection is closed."""
        self._surplus.pop(held, None)


class ConnectionLimitMiddleware:
    """Pure ASGI. Answers requests of connections beyond the limit, and has the connection closed afterwards."""

    def __init__(self, app: ASGIApp, max_connections: int) -> None:
        self.app = app
        self.max_connections = max_connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope.get("state", {}).get(SURPLUS):
            await self.app(scope, receive, send)
            return

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        answer = self.app if is_probe(scope) else problem_response(self._too_many(), scope)
        await answer(scope, receive, send_last)

    def _too_many(self) -> TooManyConnections:
        errors = [{"allowed": self.max_connections, "setting": "MAX_CONNECTIONS"}]
        return TooManyConnections(f"{self.max_connections} connections are open.", errors=errors)
