from __future__ import annotations

import pytest

from service.deadline import Deadline
from service.errors import DeadlineExceeded


def test_time_left_passes_the_check() -> None:
    deadline = Deadline(60)
    deadline.check()
    assert 59 < deadline.remaining_seconds <= 60


def test_no_time_left_raises() -> None:
    with pytest.raises(DeadlineExceeded):
        Deadline(0).check()
