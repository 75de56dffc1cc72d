"""Pages of other origins may call only when CORS_ORIGINS names them. Cookies are never involved: keys are headers."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from service.errors import OriginNotAllowed

MAY_SEND = ("Authorization", "X-API-Key", "X-Request-Id", "Idempotency-Key", "Prefer", "traceparent")
MAY_READ = (
    "X-Request-Id",
    "X-Model",
    "X-Seed",
    "X-Faces",
    "X-Regions",
    "Server-Timing",
    "Location",
    "Retry-After",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "WWW-Authenticate",
)


class CorsMiddleware(CORSMiddleware):
    """Starlette's middleware, but a refused preflight is answered with a problem, like every other error."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=MAY_SEND,
            expose_headers=MAY_READ,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code >= 400:
            raise OriginNotAllowed("The origin, the method or a header of this preflight is not allowed.")
        return answer
