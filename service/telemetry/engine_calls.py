"""An engine whose calls are counted. It stands between the pipelines and the real client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from service.deadline import Deadline
from service.engine import Arrays, Engine
from service.errors import ServiceError


class EngineMeter(Protocol):
    """Who counts calls of the engine."""

    def called(self, model: str, code: str, seconds: float) -> None:
        """A call of a model has ended with `code`, "ok" or an error's."""

    def found_ready(self, model: str, ready: bool) -> None:
        """The engine said whether it can run a model; "" stands for all of them."""


class CountedEngine:
    """Hands every call on and notes model, outcome and seconds. It changes nothing."""

    def __init__(self, engine: Engine, meter: EngineMeter) -> None:
        self._engine = engine
        self._meter = meter

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
            self._meter.called(model, code, time.perf_counter() - start_seconds)

    async def parameters(self, model: str, *, deadline: Deadline) -> dict[str, str]:
        """As the engine's own `parameters`, not counted: nothing is inferred."""
        return await self._engine.parameters(model, deadline=deadline)

    async def ready(self, model: str | None = None) -> bool:
        """As the engine's own `ready`; the answer is noted."""
        ready = await self._engine.ready(model)
        self._meter.found_ready(model or "", ready)
        return ready
