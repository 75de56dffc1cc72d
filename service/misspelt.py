"""Settings whose name is almost right: the service would run without them, and nobody would know why.

Standard library only: `deploy/preflight.py` asks before anything is installed.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from functools import cache

LIKENESS = 0.85  # of difflib: 1 is equal; ENGINE_HOST and ENGINE_PORT have 0.82
SHORTEST = 6  # letters; shorter names are like too many others
RENAMED = {"forwarded_allow_ips": "trusted_proxies"}  # of uvicorn; looks like none of ours
READ_ELSEWHERE = frozenset({"engine_port", "redis_port", "redis_folder"})  # by deploy/place.py


def misspelt(names: Iterable[str], settings: Collection[str]) -> list[str]:
    """A complaint for each of `names` that is no setting and looks like one, whatever its case. `settings` are in lower
    case; each may also end with `_file`."""
    known = frozenset({*settings, *READ_ELSEWHERE, *(f"{name}_file" for name in settings)})
    unknown = sorted({name.lower() for name in names} - known)
    return [
        f"{name.upper()}: there is no such setting; {meant.upper()} is meant, or unset it"
        for name in unknown
        if (meant := RENAMED.get(name) or _near(name, known))
    ]


@cache
def _near(name: str, known: frozenset[str]) -> str:
    """Slow, and asked for the same environment whenever settings are read."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=LIKENESS) if len(name) >= SHORTEST else []
    return near[0] if near else ""
