from __future__ import annotations

import pytest

from service.client.retries import NO_RETRIES, Retries
from service.errors import EmptyHole, Overloaded

BUSY = Overloaded()


@pytest.mark.parametrize(("attempts", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0)])
def test_pauses_double_with_jitter(attempts: int, longest: float) -> None:
    pauses = [Retries().pause_seconds(BUSY, attempts, 0) for _ in range(200)]
    assert longest / 2 <= min(filter(None, pauses)) < longest * 0.6
    assert longest * 0.9 < max(filter(None, pauses)) <= longest


def test_the_doubling_ends() -> None:
    pause = Retries(max_attempts=50, max_seconds=1000).pause_seconds(BUSY, 40, 0)
    assert pause is not None
    assert 5 <= pause <= 10


def test_retry_after_is_never_undercut() -> None:
    pause = Retries().pause_seconds(Overloaded(retry_after_seconds=3), 1, 0)
    assert pause is not None
    assert 3.25 <= pause <= 3.5


@pytest.mark.parametrize(("attempts", "elapsed_seconds"), [(5, 0), (1, 59.9), (1, 100)])
def test_it_gives_up_within_its_bounds(attempts: int, elapsed_seconds: float) -> None:
    assert Retries().pause_seconds(BUSY, attempts, elapsed_seconds) is None


def test_no_attempt_begins_after_the_time_of_the_call() -> None:
    assert Retries(max_seconds=60, call_seconds=5).pause_seconds(BUSY, 1, 4.9) is None
    assert Retries(max_seconds=60, call_seconds=5).pause_seconds(BUSY, 1, 1) is not None


def test_what_no_second_try_mends_has_none() -> None:
    assert Retries().pause_seconds(EmptyHole(retry_after_seconds=1), 1, 0) is None
    assert NO_RETRIES.pause_seconds(BUSY, 1, 0) is None
