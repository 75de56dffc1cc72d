from __future__ import annotations

import time

import pytest

from service.telemetry.record import Stages


def test_stages_add_up_in_the_order_in_which_they_began() -> None:
    stages = Stages()
    for name in ("infer", "compose", "infer"):
        with stages.timed(name):
            time.sleep(0.01)
    assert list(stages.seconds) == ["infer", "compose"]
    assert 0.02 <= stages.seconds["infer"] < 1
    assert stages.server_timing().startswith("infer;dur=")


def test_a_stage_that_fails_is_counted() -> None:
    stages = Stages()
    with pytest.raises(ZeroDivisionError), stages.timed("decode"):
        raise ZeroDivisionError
    assert "decode" in stages.seconds
