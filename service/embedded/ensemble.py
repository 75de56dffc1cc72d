"""A model made of steps. A step starts as soon as all of its tensors are there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from service.embedded.refusals import Refusal
from service.embedded.repository import DeployedModel, Step
from service.embedded.requests import Arrays, Request
from service.embedded.statistics import Durations, Statistics


class Infers(Protocol):
    """A scheduler or another ensemble."""

    async def infer(self, request: Request) -> Arrays: ...


class Ensemble:
    """Runs the steps of one request. `called` holds every model that a step names."""

    def __init__(self, model: DeployedModel, called: Mapping[str, Infers], statistics: Statistics) -> None:
        self._model, self._called, self._statistics = model, called, statistics

    async def infer(self, request: Request) -> Arrays:
        """The ensemble's outputs. Raises the Refusal of the step that failed first; the other steps are cancelled."""
        started_ns = time.perf_counter_ns()
        try:
            tensors = await self._run(request)
        except BaseException as error:
            self._statistics.failed(time.perf_counter_ns() - started_ns)
            if isinstance(error, Refusal):
                raise Refusal(error.status, f"in ensemble '{self._model.name}', {error.text}") from None
            raise
        spent_ns = time.perf_counter_ns() - started_ns
        self._statistics.executed(request.batch, [0], Durations(0, spent_ns, 0))
        return {tensor.name: tensors[tensor.name] for tensor in self._model.outputs}

    async def _run(self, request: Request) -> Arrays:
        loop = asyncio.get_running_loop()
        made: dict[str, asyncio.Future[None]] = {}
        for step in self._model.steps:
            made.update({name: loop.create_future() for name in step.outputs.values()})
        tensors = dict(request.inputs)
        try:
            async with asyncio.TaskGroup() as group:
                for step in self._model.steps:
                    group.create_task(self._run_step(step, request, tensors, made))
        except* Refusal as refused:
            raise first_refusal(refused) from None
        return tensors

    async def _run_step(
        self, step: Step, request: Request, tensors: Arrays, made: dict[str, asyncio.Future[None]]
    ) -> None:
        for name in step.inputs.values():
            if name in made:
                await made[name]
        inputs = {inner: tensors[outer] for inner, outer in step.inputs.items()}
        answer = await self._called[step.model].infer(replace(request, inputs=inputs))
        for inner, outer in step.outputs.items():
            tensors[outer] = answer[inner]
            made[outer].set_result(None)


def first_refusal(group: BaseExceptionGroup[Refusal]) -> Refusal:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Refusal)
    return error
