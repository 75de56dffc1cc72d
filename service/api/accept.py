"""Content negotiation: from an `Accept` header to one media type."""

from __future__ import annotations

from typing import Any

from service.errors import NotAcceptable

JSON = "application/json"
PICTURES = ("image/png", "image/jpeg", "image/webp")
MEANT = {"image/jpg": "image/jpeg"}  # names that do not exist, and what is meant
OFFERED = (*PICTURES, JSON)
BYTES = "application/octet-stream"  # names no format: whatever is not JSON will do, and says its own type


def negotiate(accept: str | None, offered: tuple[str, ...] = OFFERED) -> str:
    """The offered type that the client likes best; among equals the first offered. Raises NotAcceptable."""
    wishes = _wishes(accept or "*/*")
    liked = [(_quality(media_type, wishes), media_type) for media_type in offered]
    best = max(quality for quality, _ in liked)
    if best <= 0:
        errors = [{"field": "Accept", "allowed": list(offered)}]
        raise NotAcceptable("None of the types in `Accept` can be made here.", errors=errors)
    return next(media_type for quality, media_type in liked if quality == best)


def file_content(*media_types: str) -> dict[str, Any]:
    """The OpenAPI `content` of an answer that is a file. The last entry is for generators that know no pictures."""
    binary = {"type": "string", "format": "binary"}
    known = {kind: {"schema": {**binary, "contentMediaType": kind}} for kind in media_types}
    return {**known, BYTES: {"schema": binary}}


def _wishes(accept: str) -> dict[str, float]:
    """{media range: quality}; a part that cannot be read counts as not wished."""
    wishes: dict[str, float] = {}
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media_range:
            wishes[MEANT.get(media_range, media_range)] = _q(parameters)
    return wishes or {"*/*": 1.0}


def _q(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0.0 <= quality <= 1.0 else 0.0
    return 1.0


def _quality(media_type: str, wishes: dict[str, float]) -> float:
    """The quality of the most exact range that covers `media_type`."""
    family = media_type.partition("/")[0]
    as_bytes = () if media_type == JSON else (BYTES,)
    for media_range in (media_type, *as_bytes, f"{family}/*", "*/*"):
        if media_range in wishes:
            return wishes[media_range]
    return 0.0
