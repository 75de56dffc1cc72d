from __future__ import annotations

import numpy as np

from service.telemetry.metrics import Metrics
from service.telemetry.record import Stages
from service.telemetry.work import WorkMeter, peak_bytes, shown


def lines(work: dict[str, float]) -> list[str]:
    return Metrics("1").text(shown(work)).decode().splitlines()


def test_what_is_taken_is_shown_and_is_not_taken_twice() -> None:
    meter, stages = WorkMeter(), Stages()
    meter.called("lafin", "ok", 0.3)
    meter.called("lafin", "ok", 99.0)
    meter.called("lafin", "engine_queue_full", 0.001)
    stages.seconds["decode"] = 0.5
    meter.staged(stages, "lafin")
    told = lines({**meter.taken(), "stage_seconds|decode|0.5": 7.0, "stage_seconds|decode|sum": 7.0})
    for line in (
        'inpaint_job_engine_requests_total{code="ok",model="lafin"} 2.0',
        'inpaint_job_engine_requests_total{code="engine_queue_full",model="lafin"} 1.0',
        'inpaint_job_engine_request_duration_seconds_bucket{le="0.005",model="lafin"} 1.0',
        'inpaint_job_engine_request_duration_seconds_bucket{le="0.25",model="lafin"} 1.0',
        'inpaint_job_engine_request_duration_seconds_bucket{le="0.5",model="lafin"} 2.0',
        'inpaint_job_engine_request_duration_seconds_bucket{le="+Inf",model="lafin"} 3.0',
        'inpaint_job_engine_request_duration_seconds_sum{model="lafin"} 99.301',
        'inpaint_job_stage_duration_seconds_bucket{le="0.25",model="lafin",stage="decode"} 0.0',
        'inpaint_job_stage_duration_seconds_bucket{le="0.5",model="lafin",stage="decode"} 1.0',
        "inpaint_job_peak_memory_bytes_count 0.0",
    ):
        assert line in told, "\n".join(told)
    assert not [line for line in told if line.endswith(" 7.0")], "an older version's counts, without a model"
    assert meter.taken() == {}


def test_the_peak_of_this_process_is_in_its_bucket() -> None:
    ballast = np.ones(100_000_000, np.uint8)
    assert peak_bytes() > ballast.nbytes
    meter = WorkMeter()
    meter.ended()
    told = lines(meter.taken())
    assert 'inpaint_job_peak_memory_bytes_bucket{le="67108864.0"} 0.0' in told
    assert "inpaint_job_peak_memory_bytes_count 1.0" in told
