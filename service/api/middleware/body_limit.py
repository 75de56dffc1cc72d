"""How large a body may be, and how long it may take. Bytes are counted as they arrive, because a header can lie."""

from __future__ import annotations

import asyncio
import contextlib
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLarge, UploadTimeout

LINGER_SECONDS = 30.0  # in which a client may go on sending after its answer
LINGER_IDLE_SECONDS = 5.0  # and how long it may pause meanwhile
CLOSE = {"Connection": "close"}


class BodyLimitMiddleware:
    """Pure ASGI. Raises BodyTooLarge or UploadTimeout into whoever reads the body."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, upload_timeout_seconds: float) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.upload_timeout_seconds = upload_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = Upload(Headers(scope=scope), receive, self.max_body_bytes, self.upload_timeout_seconds)

        async def send_answer(message: Message) -> None:
            if not upload.complete and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            if not upload.complete and message["type"] == "http.response.body" and not message.get("more_body"):
                await send({**message, "more_body": True})
                await upload.linger()
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self.app(scope, upload.receive, send_answer)


class Upload:
    """One request's body on its way in."""

    def __init__(self, headers: Headers, receive: Receive, max_body_bytes: int, upload_timeout_seconds: float) -> None:
        length = headers.get("content-length", "")
        self.declared_bytes = int(length) if length.isdecimal() else 0
        self.complete = self.declared_bytes == 0 and "transfer-encoding" not in headers
        self._waits_for_continue = headers.get("expect", "").lower() == "100-continue"
        self._receive = receive
        self._max_body_bytes = max_body_bytes
        self._timeout_seconds = upload_timeout_seconds
        self._end_seconds: float | None = None
        self._received_bytes = 0

    async def receive(self) -> Message:
        """The next message of the request; a body within its limits, or the word that the client left."""
        if self.complete:
            return await self._receive()
        if self.declared_bytes > self._max_body_bytes:
            raise self._too_large()
        message = await self._next_in_time()
        self._note(message)
        if self._received_bytes > self._max_body_bytes:
            raise self._too_large()
        return message

    async def linger(self) -> None:
        """Read and drop what still comes, for a while: a closed socket with unread data loses our answer.

        Many clients read nothing before they have sent everything, and a busy one takes its time.
        """
        if self._waits_for_continue and self._received_bytes == 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.complete:
                    async with asyncio.timeout(LINGER_IDLE_SECONDS):
                        self._note(await self._receive())

    async def _next_in_time(self) -> Message:
        if self._end_seconds is None:
            self._end_seconds = time.monotonic() + self._timeout_seconds
        try:
            async with asyncio.timeout(self._end_seconds - time.monotonic()):
                return await self._receive()
        except TimeoutError:
            allowed = {"allowed_seconds": self._timeout_seconds, "setting": "UPLOAD_TIMEOUT_SECONDS"}
            detail = f"The body did not arrive within {self._timeout_seconds:g} seconds."
            raise UploadTimeout(detail, errors=[allowed], headers=CLOSE) from None

    def _note(self, message: Message) -> None:
        self._received_bytes += len(message.get("body", b""))
        self.complete = message["type"] == "http.disconnect" or not message.get("more_body", False)

    def _too_large(self) -> BodyTooLarge:
        allowed = {"allowed_bytes": self._max_body_bytes, "setting": "MAX_BODY_BYTES"}
        return BodyTooLarge(
            f"The body is larger than {self._max_body_bytes} bytes.", errors=[allowed], headers=dict(CLOSE)
        )
