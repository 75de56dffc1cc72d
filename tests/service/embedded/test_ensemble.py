from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from service.embedded.ensemble import Ensemble
from service.embedded.refusals import Refusal
from service.embedded.requests import Arrays, Request
from service.embedded.statistics import Statistics
from tests.service.embedded.models import numbers, request_for, write_repository


class Doubling:
    """A model in memory. `before` may refuse or wait."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.error: BaseException | None = None
        self.wait: asyncio.Event | None = None

    async def infer(self, request: Request) -> Arrays:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        if self.wait is not None:
            await self.wait.wait()
        return {"OUTPUT__0": request.inputs["INPUT__0"] * 2}


def make(tmp_path: Path) -> tuple[Ensemble, Doubling, Statistics]:
    model, statistics = Doubling(), Statistics()
    return Ensemble(write_repository(tmp_path)["twice"], {"double": model}, statistics), model, statistics


def ask(ensemble: Ensemble) -> asyncio.Task[Arrays]:
    request = request_for({"number": numbers(1, 2)}, id="q", queue_timeout_microseconds=7, deadline=9.0)
    return asyncio.create_task(ensemble.infer(request))


async def test_steps_run_in_the_order_of_their_tensors(tmp_path: Path) -> None:
    """The configuration names them the other way round."""
    ensemble, model, statistics = make(tmp_path)
    answer = await ask(ensemble)
    assert sorted(answer) == ["answer", "half"]
    assert (answer["half"] == numbers(2, 4)).all()
    assert (answer["answer"] == numbers(4, 8)).all()
    assert [request.inputs["INPUT__0"][0, 0] for request in model.requests] == [1, 2]
    assert (statistics.inference_count, statistics.execution_count) == (2, 1)


async def test_steps_inherit_id_timeout_and_deadline(tmp_path: Path) -> None:
    ensemble, model, _ = make(tmp_path)
    await ask(ensemble)
    for request in model.requests:
        assert (request.id, request.batch, request.queue_timeout_microseconds, request.deadline) == ("q", 2, 7, 9.0)


async def test_a_refused_step_refuses_the_ensemble(tmp_path: Path) -> None:
    ensemble, model, statistics = make(tmp_path)
    model.error = Refusal(grpc.StatusCode.UNAVAILABLE, "Request timeout expired")
    with pytest.raises(Refusal) as refused:
        await ask(ensemble)
    assert refused.value.status is grpc.StatusCode.UNAVAILABLE
    assert refused.value.text == "in ensemble 'twice', Request timeout expired"
    assert len(model.requests) == 1
    assert statistics.fail.count == 1


async def test_cancelling_cancels_the_step(tmp_path: Path) -> None:
    ensemble, model, statistics = make(tmp_path)
    model.wait = asyncio.Event()
    task = ask(ensemble)
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(model.requests) == 1
    assert statistics.fail.count == 1
