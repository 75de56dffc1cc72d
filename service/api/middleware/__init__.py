"""What stands around every route, in the order in which a request meets it."""

from __future__ import annotations

from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.api.middleware.body_limit import BodyLimitMiddleware
from service.api.middleware.connection_limit import ConnectionLimitMiddleware
from service.api.middleware.cors import CorsMiddleware
from service.api.middleware.head import HeadMiddleware
from service.api.middleware.prefix import PrefixMiddleware
from service.api.middleware.request_log import RequestLogMiddleware
from service.settings import Settings
from service.telemetry.metrics import Metrics


def middleware(settings: Settings, metrics: Metrics) -> list[Middleware]:
    """The first one is the outermost."""
    cors = [Middleware(CorsMiddleware, settings.cors_origins)] if settings.cors_origins else []
    proxies = list(settings.trusted_proxies)
    return [
        *([Middleware(PrefixMiddleware, settings.root_path)] if settings.root_path else []),
        *([Middleware(ProxyHeadersMiddleware, proxies)] if proxies else []),
        Middleware(RequestLogMiddleware, metrics, log_client_address=settings.log_client_address),
        Middleware(HeadMiddleware),
        *cors,
        Middleware(BodyLimitMiddleware, settings.max_body_bytes, settings.upload_timeout_seconds),
        Middleware(ConnectionLimitMiddleware, settings.max_connections),
    ]
