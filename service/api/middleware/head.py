"""HEAD wherever there is GET: the same answer without its body, as RFC 9110 asks."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

IS_HEAD = "is_head"  # in a request's state: nobody will read the body


class HeadMiddleware:
    """Pure ASGI. Routes see GET; the body of the answer is dropped."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        scope["method"] = "GET"
        scope.setdefault("state", {})[IS_HEAD] = True
        try:
            await self.app(scope, receive, send_head)
        finally:
            scope["method"] = "HEAD"
