"""The part of a URL after `?`: what a route does not know there is refused by name, as unknown form fields are."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from service.api.forms import did_you_mean, speakable
from service.errors import UnknownParameter


async def _refuse_unknown(request: Request) -> None:
    known = sorted(parameter.alias for parameter in request.scope["route"].dependant.query_params)
    unknown = sorted(set(request.query_params) - set(known))
    if not unknown:
        return
    errors = [{"parameter": speakable(name), "allowed": known} for name in unknown]
    raise UnknownParameter(
        f"There is no query parameter {speakable(unknown[0])!r}.{_hint(request.method, unknown[0], known)}",
        errors=errors,
    )


def _hint(method: str, name: str, known: list[str]) -> str:
    return did_you_mean(name, known) or (" Fields of a form go into the body." if method == "POST" else "")


KNOWN_QUERY: Any = Depends(_refuse_unknown)
