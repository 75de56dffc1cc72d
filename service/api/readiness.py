"""Whether the engine can run the models that the service calls. The answer is kept for a moment, for probes."""

from __future__ import annotations

import asyncio
import logging
import time

from service.completion.needed import all_models, required_models
from service.completion.pipelines import pipeline_named
from service.engine import Engine
from service.errors import ModelWithoutSnapshot

MISSING_CACHE_SECONDS = 0.2  # a start or a recovery is seen at once

logger = logging.getLogger(__name__)


class Readiness:
    """Asks the engine for the models of every pipeline and for the parser.

    An engine that says that it is ready has loaded all it has: what it lacks then has no snapshot there. That is no
    fault, unless the service cannot do without it (`required_models`).
    """

    def __init__(self, engine: Engine, cache_seconds: float) -> None:
        self.started = False
        self.draining = False  # told to stop; requests are answered a little longer
        self._engine = engine
        self._cache_seconds = cache_seconds
        self._missing: list[str] = []
        self._without_snapshot: list[str] = []
        self._asked_seconds = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def missing(self) -> list[str]:
        """Deployed models that should be there and are not ready, in the order of the pipelines; empty means ready."""
        await self._look()
        return self._missing

    async def without_snapshot(self) -> list[str]:
        """Deployed models that the engine does not have, though it is ready; sorted as `missing`."""
        await self._look()
        return self._without_snapshot

    async def not_ready(self) -> set[str]:
        """Both."""
        await self._look()
        return {*self._missing, *self._without_snapshot}

    async def require_snapshot(self, pipeline: str) -> None:
        """Raises UnknownModel, and ModelWithoutSnapshot where the engine does not have all that the pipeline needs."""
        optional = set(pipeline_named(pipeline).models) - set(required_models())
        lacking = [model for model in await self.without_snapshot() if model in optional] if optional else []
        if lacking:
            errors = [{"field": "model", "model": model, "ready": False} for model in lacking]
            raise ModelWithoutSnapshot(f"The model {pipeline!r} has no snapshot here.", errors=errors)

    async def _look(self) -> None:
        kept_seconds = min(self._cache_seconds, MISSING_CACHE_SECONDS) if self._missing else self._cache_seconds
        if time.monotonic() - self._asked_seconds >= kept_seconds:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)

    def _tell(self) -> None:
        """Probes are not logged; what they find is, when it changes."""
        if self._missing:
            logger.warning("not ready: the engine does not answer for %s", ", ".join(self._missing))
        else:
            logger.info("ready again")

    async def _ask(self) -> None:
        """Whoever wants to know meanwhile waits for the same answer."""
        try:
            before, lacking_before = self._missing, self._without_snapshot
            self._missing, self._without_snapshot = await self._asked()
            if self.started and self._missing != before:
                self._tell()
            if self._without_snapshot and self._without_snapshot != lacking_before:
                logger.warning("the engine has no snapshot of %s", ", ".join(self._without_snapshot))
            self._asked_seconds = time.monotonic()
            self.started = self.started or not self._missing
        finally:
            self._asking = None

    async def _asked(self) -> tuple[list[str], list[str]]:
        """What is missing, and what has no snapshot. The whole engine is asked first: what loads meanwhile is there."""
        whole, needed, required = await self._engine.ready(), all_models(), required_models()
        answers = await asyncio.gather(*(self._engine.ready(model) for model in needed))
        lacking = [model for model, ready in zip(needed, answers, strict=True) if not ready]
        missing = [model for model in lacking if not whole or model in required]
        return missing, [model for model in lacking if model not in missing]
