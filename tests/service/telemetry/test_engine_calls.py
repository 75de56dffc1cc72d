from __future__ import annotations

import asyncio

import numpy as np
import pytest

from service.deadline import Deadline
from service.errors import EngineQueueFull
from service.telemetry.engine_calls import CountedEngine
from service.telemetry.metrics import Metrics
from tests.fakes.engine import FakeEngine

INPUTS = {"image": np.zeros((1, 3, 256, 256), np.uint8), "hole": np.ones((1, 1, 256, 256), np.uint8)}


def counted() -> tuple[FakeEngine, Metrics, CountedEngine]:
    engine, metrics = FakeEngine(), Metrics("1")
    return engine, metrics, CountedEngine(engine, metrics)


async def test_a_call_is_handed_on_and_counted() -> None:
    _, metrics, engine = counted()
    outputs = await engine.infer("lafin", INPUTS, deadline=Deadline(5))
    assert set(outputs) == {"raw", "landmarks"}
    assert b'inpaint_engine_requests_total{code="ok",model="lafin"} 1.0' in metrics.text()
    assert b'inpaint_engine_request_duration_seconds_count{model="lafin"} 1.0' in metrics.text()


async def test_a_refusal_is_counted_by_its_code() -> None:
    fake, metrics, engine = counted()
    fake.error = EngineQueueFull()
    with pytest.raises(EngineQueueFull):
        await engine.infer("lafin", INPUTS, deadline=Deadline(5))
    assert b'{code="engine_queue_full",model="lafin"} 1.0' in metrics.text()


async def test_a_canceled_call_is_counted_as_such() -> None:
    fake, metrics, engine = counted()
    fake.delay_seconds = 30
    task = asyncio.create_task(engine.infer("lafin", INPUTS, deadline=Deadline(60)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert b'{code="canceled",model="lafin"} 1.0' in metrics.text()


async def test_readiness_is_kept_as_a_gauge() -> None:
    fake, metrics, engine = counted()
    assert await engine.ready("lafin")
    assert b'inpaint_engine_ready{model="lafin"} 1.0' in metrics.text()
    fake.up = False
    assert not await engine.ready("lafin")
    assert b'inpaint_engine_ready{model="lafin"} 0.0' in metrics.text()


async def test_parameters_are_handed_on_and_not_counted() -> None:
    fake, metrics, engine = counted()
    assert await engine.parameters("parser", deadline=Deadline(5)) == fake.described
    assert b"inpaint_engine_requests_total{" not in metrics.text()
