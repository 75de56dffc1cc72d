"""Whether the engine can run every model that the service calls. The answer is kept for a moment, for probes."""

from __future__ import annotations

import time

from service.completion.parsing import PARSER
from service.completion.pipelines import PIPELINES
from service.engine import Engine

MISSING_CACHE_SECONDS = 0.2  # a start or a recovery is seen at once


class Readiness:
    """Asks the engine for the models of every pipeline and for the parser."""

    def __init__(self, engine: Engine, cache_seconds: float) -> None:
        self.started = False
        self.draining = False  # told to stop; requests are answered a little longer
        self._engine = engine
        self._cache_seconds = cache_seconds
        self._missing: list[str] = []
        self._asked_seconds = float("-inf")

    async def missing(self) -> list[str]:
        """Deployed models that are needed and not ready, in the order of the pipelines; empty means ready."""
        kept_seconds = min(self._cache_seconds, MISSING_CACHE_SECONDS) if self._missing else self._cache_seconds
        if time.monotonic() - self._asked_seconds >= kept_seconds:
            needed = dict.fromkeys([model for pipeline in PIPELINES.values() for model in pipeline.models] + [PARSER])
            self._missing = [model for model in needed if not await self._engine.ready(model)]
            self._asked_seconds = time.monotonic()
            self.started = self.started or not self._missing
        return self._missing
