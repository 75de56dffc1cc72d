"""How both clients reach the service: address, key, time-outs."""

from __future__ import annotations

import re
from typing import Any

import httpx

from service.client.time_limits import CONNECT_SECONDS

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_SECONDS = 90.0  # the service itself gives up after 60
KEY = re.compile(r"[!-~]+")


def options(url: str, key: str | None, timeout_seconds: float) -> dict[str, Any]:
    """Of httpx.Client and httpx.AsyncClient alike. Raises ValueError for an address or a key that cannot be one.

    Calls bring their own time limits (time_limits.py); `timeout_seconds` is for whoever uses the httpx client itself.
    """
    headers = {"User-Agent": "face-inpainting-client"}
    if key is not None:
        headers["Authorization"] = f"Bearer {require_key(key)}"
    timeout = httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds))
    return {"base_url": require_address(url), "headers": headers, "timeout": timeout, "follow_redirects": False}


def require_address(url: str) -> httpx.URL:
    """The address of a service; ValueError for anything else."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{url!r} is no address: {error}") from None
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError(f"{url!r} is no address of a service; one looks like {DEFAULT_URL}")
    return address


def require_key(key: str) -> str:
    """The key without what surrounds it; ValueError, which never repeats it, for what cannot stand in a header."""
    if not KEY.fullmatch(key.strip()):
        raise ValueError("the key is empty or holds something other than printable ASCII")
    return key.strip()
