"""The way to the inference engine, whatever runs it: pipelines are written against the protocol `Engine`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from service.deadline import Deadline

Arrays = dict[str, NDArray[Any]]


class Engine(Protocol):
    """What a pipeline needs of an engine. `EngineClient` is the real one; tests bring an in-memory one."""

    async def infer(self, model: str, inputs: Mapping[str, NDArray[Any]], *, deadline: Deadline) -> Arrays:
        """Run one batch through `model`. Tensors go by the friendly names of `specs.SPECS`, batch dimension first.

        Raises only types of service.errors.
        """
        ...

    async def parameters(self, model: str, *, deadline: Deadline) -> dict[str, str]:
        """What the model's config.pbtxt says about it, such as a parser's class names.

        Raises only types of service.errors.
        """
        ...

    async def ready(self, model: str | None = None) -> bool:
        """Whether `model`, or the whole engine, would take a request now. Never raises."""
        ...
