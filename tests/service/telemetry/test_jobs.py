from __future__ import annotations

from service.telemetry.jobs import JobFigures, shown
from service.telemetry.metrics import Metrics


def test_buckets_add_up_and_nothing_is_missing() -> None:
    figures = JobFigures(
        ended={"succeeded": 3},
        webhooks={"delivered": 2},
        depth={"inpaint": 4, "webhooks": 0},
        queue_seconds={"0.5": 2, "60": 1, "sum": 31.5},
        run_seconds={},
        work={},
        webhook_seconds={"2.5": 1, "sum": 2.0},
        workers={"inpaint": 2, "webhooks": 1},
        running=1,
        oldest_waiting_seconds=12.5,
        kept_bytes=1000,
        limit_bytes=3000,
    )
    text = Metrics("1").text(shown(figures)).decode()
    for line in (
        'inpaint_jobs_total{status="succeeded"} 3.0',
        'inpaint_jobs_total{status="failed"} 0.0',
        'inpaint_webhook_deliveries_total{outcome="delivered"} 2.0',
        'inpaint_webhook_deliveries_total{outcome="given_up"} 0.0',
        'inpaint_queue_depth{queue="inpaint"} 4.0',
        'inpaint_job_queue_seconds_bucket{le="0.25"} 0.0',
        'inpaint_job_queue_seconds_bucket{le="0.5"} 2.0',
        'inpaint_job_queue_seconds_bucket{le="30.0"} 2.0',
        'inpaint_job_queue_seconds_bucket{le="+Inf"} 3.0',
        "inpaint_job_queue_seconds_count 3.0",
        "inpaint_job_queue_seconds_sum 31.5",
        "inpaint_job_run_seconds_count 0.0",
        'inpaint_webhook_delivery_seconds_bucket{le="2.5"} 1.0',
        'inpaint_webhook_delivery_seconds_bucket{le="1.0"} 0.0',
        'inpaint_workers{queue="inpaint"} 2.0',
        'inpaint_workers{queue="webhooks"} 1.0',
        "inpaint_jobs_running 1.0",
        "inpaint_job_oldest_waiting_seconds 12.5",
        "inpaint_jobs_kept_bytes 1000.0",
        "inpaint_jobs_kept_bytes_limit 3000.0",
    ):
        assert line in text.splitlines(), text
