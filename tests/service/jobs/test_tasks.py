from __future__ import annotations

import time

import pytest

from service.deadline import Deadline
from service.errors import EngineGarbage, EngineUnavailable, ServiceError
from service.jobs import tasks
from service.jobs.tasks import while_engine_is_away


class Flaky:
    """Fails as often as it is told, then answers."""

    def __init__(self, failures: int, error: ServiceError) -> None:
        self.calls, self._failures, self._error = 0, failures, error

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return "answer"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE_SECONDS", 0.01)


async def test_an_engine_that_comes_back_is_waited_for() -> None:
    flaky = Flaky(4, EngineUnavailable())
    assert await while_engine_is_away(flaky, Deadline(10)) == "answer"
    assert flaky.calls == 5


async def test_the_wait_has_an_end() -> None:
    flaky, begin = Flaky(10**6, EngineUnavailable()), time.monotonic()
    with pytest.raises(EngineUnavailable):
        await while_engine_is_away(flaky, Deadline(0.3))
    assert time.monotonic() - begin >= 0.3
    assert flaky.calls < 10, "the pauses grow"


async def test_what_waiting_cannot_mend_fails_at_once() -> None:
    flaky = Flaky(1, EngineGarbage())
    with pytest.raises(EngineGarbage):
        await while_engine_is_away(flaky, Deadline(10))
    assert flaky.calls == 1
