"""Whether the engine can run every model that the service calls. The answer is kept for a moment, for probes."""

from __future__ import annotations

import asyncio
import logging
import time

from service.completion.needed import all_models
from service.engine import Engine

MISSING_CACHE_SECONDS = 0.2  # a start or a recovery is seen at once

logger = logging.getLogger(__name__)


class Readiness:
    """Asks the engine for the models of every pipeline and for the parser."""

    def __init__(self, engine: Engine, cache_seconds: float) -> None:
        self.started = False
        self.draining = False  # told to stop; requests are answered a little longer
        self._engine = engine
        self._cache_seconds = cache_seconds
        self._missing: list[str] = []
        self._asked_seconds = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def missing(self) -> list[str]:
        """Deployed models that are needed and not ready, in the order of the pipelines; empty means ready."""
        kept_seconds = min(self._cache_seconds, MISSING_CACHE_SECONDS) if self._missing else self._cache_seconds
        if time.monotonic() - self._asked_seconds >= kept_seconds:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)
        return self._missing

    def _tell(self) -> None:
        """Probes are not logged; what they find is, when it changes."""
        if self._missing:
            logger.warning("not ready: the engine does not answer for %s", ", ".join(self._missing))
        else:
            logger.info("ready again")

    async def _ask(self) -> None:
        """Whoever wants to know meanwhile waits for the same answer."""
        try:
            needed = all_models()
            answers = await asyncio.gather(*(self._engine.ready(model) for model in needed))
            before, self._missing = (
                self._missing,
                [model for model, ready in zip(needed, answers, strict=True) if not ready],
            )
            if self.started and self._missing != before:
                self._tell()
            self._asked_seconds = time.monotonic()
            self.started = self.started or not self._missing
        finally:
            self._asking = None
