"""Full queues, time-outs, cancellation and deadlines, on models whose forward takes long."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import InferResult, service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from tests.contract.engines import EngineProcess, message
from tests.contract.repositories import SLOW_QUEUE_SIZE

LONG_SECONDS = 0.8


@pytest.fixture(scope="module")
def long(engines: dict[str, EngineProcess]) -> float:
    """The number of small matrix products that keep a forward busy for about LONG_SECONDS on this machine, now."""
    with grpc.insecure_channel(engines["embedded"].url) as channel:
        stub = GRPCInferenceServiceStub(channel)
        seconds = []
        for _ in range(4):
            started = time.monotonic()
            stub.ModelInfer(request_of(2000), timeout=60)
            seconds.append(time.monotonic() - started)
    return float(round(2000 * LONG_SECONDS / min(seconds)))


def request_of(number: float, model: str = "slow", timeout_microseconds: int | None = None) -> Any:
    name = "INPUT__0" if model == "slow" else "number"
    request = message(model, {name: np.full((1, 1), number, np.float32)})
    if timeout_microseconds is not None:
        request.parameters["timeout"].int64_param = timeout_microseconds
    return request


async def call(stub: Any, request: Any, seconds: float = 60) -> tuple[str, str, float]:
    """Status name, text (the answer, when it is OK) and seconds."""
    started = time.monotonic()
    try:
        answer = await stub.ModelInfer(request, timeout=seconds)
    except grpc.aio.AioRpcError as error:
        return error.code().name, error.details(), time.monotonic() - started
    output = "OUTPUT__0" if request.model_name == "slow" else "answer"
    return "OK", f"{InferResult(answer).as_numpy(output).item():g}", time.monotonic() - started


async def occupy(stub: Any, number: float) -> asyncio.Task[Any]:
    """A forward that has begun."""
    task = asyncio.create_task(call(stub, request_of(number)))
    await asyncio.sleep(0.2)
    return task


@pytest.mark.parametrize("model", ["slow", "slow_twice"])
async def test_a_full_queue_refuses(model: str, stub: Any, long: float) -> None:
    running = await occupy(stub, long)
    waiting = [asyncio.create_task(call(stub, request_of(n + 1.0))) for n in range(SLOW_QUEUE_SIZE)]
    await asyncio.sleep(0.1)
    status, text, _ = await call(stub, request_of(9, model))
    assert status == "UNAVAILABLE"
    assert "Exceeds maximum queue size" in text
    assert ("in ensemble 'slow_twice', " in text) == (model == "slow_twice")
    assert Counter([(await task)[0] for task in (running, *waiting)]) == {"OK": 1 + SLOW_QUEUE_SIZE}


@pytest.mark.parametrize("model", ["slow", "slow_twice"])
async def test_a_request_that_waits_too_long_is_refused(model: str, stub: Any, long: float) -> None:
    running = await occupy(stub, long)
    status, text, _ = await call(stub, request_of(2, model, timeout_microseconds=50_000))
    assert status == "UNAVAILABLE"
    assert "Request timeout expired" in text
    assert (await running)[0] == "OK"


async def test_a_generous_timeout_changes_nothing(stub: Any, long: float) -> None:
    running = await occupy(stub, long)
    assert (await call(stub, request_of(2, timeout_microseconds=60_000_000)))[:2] == ("OK", "2")
    assert (await running)[:2] == ("OK", f"{long:g}")


async def test_a_passed_deadline_drops_queued_work(stub: Any, long: float) -> None:
    before = await executions(stub)
    running = await occupy(stub, long)
    status, _, _ = await call(stub, request_of(long), seconds=0.1)
    assert status == "DEADLINE_EXCEEDED"
    assert not running.done(), "the refusal came before its turn"
    assert (await running)[0] == "OK"
    assert (await call(stub, request_of(3)))[:2] == ("OK", "3")
    assert await executions(stub) == before + 2


async def test_a_cancelled_request_leaves_the_queue(stub: Any, long: float) -> None:
    before = await executions(stub)
    running = await occupy(stub, long)
    waiting = asyncio.create_task(call(stub, request_of(long)))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await running)[0] == "OK"
    assert (await call(stub, request_of(4)))[:2] == ("OK", "4")
    assert await executions(stub) == before + 2


async def test_requests_that_wait_together_run_together(stub: Any, long: float) -> None:
    before = await executions(stub)
    running = await occupy(stub, long)
    pair = [asyncio.create_task(call(stub, request_of(n))) for n in (5.0, 6.0)]
    answers = [(await task)[:2] for task in (running, *pair)]
    assert answers == [("OK", f"{long:g}"), ("OK", "5"), ("OK", "6")]
    assert await executions(stub) == before + 2


async def executions(stub: Any) -> int:
    """Once the count has settled: Triton counts a moment after it answers."""
    await asyncio.sleep(0.3)
    answer = await stub.ModelStatistics(service_pb2.ModelStatisticsRequest(name="slow"))
    return int(answer.model_stats[0].execution_count)
