"""uvicorn's HTTP protocol with limits for slow and broken clients.

By itself it waits for ever for the rest of a request's head, and for a client that does not read its answer.
The limits of bodies are in middleware/body_limit.py. A connection beyond MAX_CONNECTIONS is marked here, and answered
by middleware/connection_limit.py.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.api.middleware.connection_limit import SPARE_HEAD_SECONDS, SURPLUS, SurplusConnections
from service.api.problems import MEDIA_TYPE, problem_body
from service.errors import InputError


class TimedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with two clocks: one for the head of a request, one for a client that reads too slowly."""

    head_seconds: ClassVar[float]
    download_seconds: ClassVar[float]
    surplus: ClassVar[SurplusConnections]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._head_clock: asyncio.TimerHandle | None = None
        self._download_clock: asyncio.TimerHandle | None = None
        if self.surplus.enter(self, len(self.connections)):
            self.app_state = {**self.app_state, SURPLUS: True}  # uvicorn puts it into every request's scope
            self.head_seconds = min(SPARE_HEAD_SECONDS, self.head_seconds)  # type: ignore[misc]  # of this one
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_clock()
        self._stop_download_clock()
        self.surplus.leave(self)
        super().connection_lost(exc)

    @property
    def is_silent(self) -> bool:
        """Whether it has not sent a whole head yet."""
        return self.cycle is None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def pause_writing(self) -> None:
        """More waits to be sent than the system takes: from now on the client has `download_seconds` to read it."""
        super().pause_writing()
        self._download_clock = self._download_clock or self.loop.call_later(self.download_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_download_clock()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close what idles. Closing waits until everything is sent, so that has an end too."""
        super().timeout_keep_alive_handler()
        self._download_clock = self._download_clock or self.loop.call_later(self.download_seconds, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP with a problem, and close the connection."""
        body = json.dumps(problem_body(InputError("This is not a request of HTTP/1.1."), uuid.uuid4().hex)).encode()
        headers = [("content-type", MEDIA_TYPE), ("content-length", str(len(body))), ("connection", "close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_head_clock()
        elif self._head_clock is None:
            self._head_clock = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _stop_head_clock(self) -> None:
        if self._head_clock is not None:
            self._head_clock.cancel()
            self._head_clock = None

    def _stop_download_clock(self) -> None:
        if self._download_clock is not None:
            self._download_clock.cancel()
            self._download_clock = None


def bounded(head_timeout_seconds: float, download_timeout_seconds: float, max_connections: int) -> type[TimedProtocol]:
    """The protocol with these limits, for uvicorn's setting `http`. Make one for each server: it counts connections."""

    class Connection(TimedProtocol):
        head_seconds = head_timeout_seconds
        download_seconds = download_timeout_seconds
        surplus = SurplusConnections(max_connections)

    return Connection
