from __future__ import annotations

import asyncio

import pytest

from service.api.admission import Admission
from service.deadline import Deadline
from service.errors import DeadlineExceeded, Draining, Overloaded
from service.telemetry.metrics import Metrics


def test_more_than_working_and_waiting_are_turned_away() -> None:
    admission = Admission(1, 1, Metrics("1").waiting.labels("turn"))
    with admission.admitted(), admission.admitted():
        with pytest.raises(Overloaded) as raised, admission.admitted():
            raise AssertionError("a third came in")
        assert raised.value.retry_after_seconds == 1
        assert "MAX_CONCURRENT_REQUESTS" in raised.value.errors[0]["setting"]
    with admission.admitted():
        pass


async def test_slots_are_bounded_and_given_in_the_order_of_asking() -> None:
    admission, order, working = Admission(2, 10, Metrics("1").waiting.labels("turn")), [], []

    async def work(name: int) -> None:
        async with admission.slot(Deadline(5)):
            working.append(name)
            assert len(working) <= 2
            order.append(name)
            await asyncio.sleep(0.01)
            working.remove(name)

    await asyncio.gather(*(work(name) for name in range(6)))
    assert order == [0, 1, 2, 3, 4, 5]


async def test_waiting_ends_with_the_deadline_and_leaves_no_trace() -> None:
    admission = Admission(1, 10, Metrics("1").waiting.labels("turn"))
    async with admission.slot(Deadline(5)):
        with pytest.raises(DeadlineExceeded):
            async with admission.slot(Deadline(0.02)):
                raise AssertionError("two work at once")
    async with admission.slot(Deadline(0.02)):
        pass


def test_a_stopping_service_takes_nobody_in() -> None:
    admission = Admission(1, 1, Metrics("1").waiting.labels("turn"))
    admission.draining = True
    with pytest.raises(Draining), admission.admitted():
        raise AssertionError("came in")
