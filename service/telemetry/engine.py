"""An engine whose calls are counted. It stands between the pipelines and the real client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from service.deadline import Deadline
from service.engine import Arrays, Engine
from service.errors import ServiceError
from service.telemetry.metrics import Metrics


class CountedEngine:
    """Hands every call on and notes model, outcome and seconds. It changes nothing."""

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine = engine
        self._metrics = metrics

    async def infer(self, model: str, inputs: Mapping[str, NDArray[Any]], *, deadline: Deadline) -> Arrays:
        """As the engine's own `infer`."""
        start_seconds = time.perf_counter()
        code = "internal_error"
        try:
            outputs = await self._engine.infer(model, inputs, deadline=deadline)
            code = "ok"
            return outputs
        except ServiceError as error:
            code = error.code
            raise
        except asyncio.CancelledError:
            code = "canceled"
            raise
        finally:
            self._metrics.engine_requests.labels(model, code).inc()
            self._metrics.engine_seconds.labels(model).observe(time.perf_counter() - start_seconds)

    async def ready(self, model: str | None = None) -> bool:
        """As the engine's own `ready`; the answer is kept as a gauge."""
        ready = await self._engine.ready(model)
        self._metrics.engine_ready.labels(model or "").set(ready)
        return ready
