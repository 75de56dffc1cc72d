"""Whether the engine can run the models that the service calls. The answer is kept for a moment, for probes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.completion.needed import all_models, required_models
from service.completion.pipelines import pipeline_named
from service.engine import Engine
from service.errors import ModelWithoutSnapshot

MISSING_CACHE_SECONDS = 0.2  # a start or a recovery is seen at once

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What one look at the engine found. Names of deployed models, in the order of the pipelines."""

    missing: tuple[str, ...] = ()  # should be there and are not ready
    without_snapshot: tuple[str, ...] = ()  # not there, though the engine is ready

    @property
    def not_ready(self) -> set[str]:
        return {*self.missing, *self.without_snapshot}


class Readiness:
    """Asks the engine for the models of every pipeline and for the parser.

    An engine that says that it is ready has loaded all it has: what it lacks then has no snapshot there. That is no
    fault, unless the service cannot do without it (`required_models`).
    """

    def __init__(
        self, engine: Engine, cache_seconds: float, note_without_snapshot: Callable[[str, bool], None]
    ) -> None:
        """`note_without_snapshot` is told of every deployed model, at every look, whether it is one of those."""
        self.started = False
        self.draining = False  # told to stop; requests are answered a little longer
        self._engine = engine
        self._cache_seconds = cache_seconds
        self._note_without_snapshot = note_without_snapshot
        self._found = Found()
        self._asked_seconds = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def look(self) -> Found:
        """What the engine has now, or had a moment ago."""
        kept_seconds = min(self._cache_seconds, MISSING_CACHE_SECONDS) if self._found.missing else self._cache_seconds
        if time.monotonic() - self._asked_seconds >= kept_seconds:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)
        return self._found

    async def require_snapshot(self, pipeline: str) -> None:
        """Raises UnknownModel, and ModelWithoutSnapshot where the engine does not have all that the pipeline needs."""
        optional = set(pipeline_named(pipeline).models) - set(required_models())
        lacking = [model for model in (await self.look()).without_snapshot if model in optional] if optional else []
        if lacking:
            errors = [{"field": "model", "model": model, "ready": False} for model in lacking]
            raise ModelWithoutSnapshot(f"The model {pipeline!r} has no snapshot here.", errors=errors)

    def _tell(self, before: Found) -> None:
        """Probes are not logged; what they find is, when it changes."""
        if self.started and self._found.missing != before.missing:
            if self._found.missing:
                logger.warning("not ready: the engine does not answer for %s", ", ".join(self._found.missing))
            else:
                logger.info("ready again")
        if self._found.without_snapshot and self._found.without_snapshot != before.without_snapshot:
            logger.warning("the engine has no snapshot of %s", ", ".join(self._found.without_snapshot))

    async def _ask(self) -> None:
        """Whoever wants to know meanwhile waits for the same answer."""
        try:
            before = self._found
            self._found = await self._asked()
            self._tell(before)
            self._asked_seconds = time.monotonic()
            self.started = self.started or not self._found.missing
        finally:
            self._asking = None

    async def _asked(self) -> Found:
        """The whole engine is asked first: what loads meanwhile is there."""
        whole, needed, required = await self._engine.ready(), all_models(), required_models()
        answers = await asyncio.gather(*(self._engine.ready(model) for model in needed))
        lacking = [model for model, ready in zip(needed, answers, strict=True) if not ready]
        missing = tuple(model for model in lacking if not whole or model in required)
        found = Found(missing, tuple(model for model in lacking if model not in missing))
        for model in needed:
            self._note_without_snapshot(model, model in found.without_snapshot)
        return found
