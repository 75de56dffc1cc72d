"""The prefix under which a proxy shows the API: taken off the path by the proxy, or left there."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class PrefixMiddleware:
    """Pure ASGI. Tells everything inside of ROOT_PATH, so that routes are found and links made with it."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["root_path"] = self.root_path
        await self.app(scope, receive, send)
