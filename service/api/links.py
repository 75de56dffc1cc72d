"""What stands before the path of a link, wherever a proxy shows the API."""

from __future__ import annotations

from fastapi import Request

from service.api.state import ServiceState


def link_base(request: Request) -> str:
    """For links in answers: PUBLIC_URL, else the prefix that the proxy adds; empty without one."""
    return _public_url(request) or str(request.scope.get("root_path", ""))


def full_base(request: Request) -> str:
    """For links that are followed from elsewhere: PUBLIC_URL, else the address that the request used."""
    return _public_url(request) or str(request.base_url).rstrip("/")


def _public_url(request: Request) -> str | None:
    service: ServiceState = request.app.state.service
    return service.settings.public_url
