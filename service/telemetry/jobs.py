"""Metrics of jobs. They are counted in Redis, in the step that changes the job: a forked process takes its own counts
with it when it ends. Every process of the API shows the same figures, so do not add them up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from service.telemetry import work

JOB_SECONDS_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
ENDS = ("succeeded", "failed", "canceled", "expired")
OUTCOMES = ("delivered", "unanswered", "refused", "given_up")
BOUNDS = (*map(str, JOB_SECONDS_BUCKETS), "+Inf")


@dataclass(frozen=True)
class JobFigures:
    """What Redis has counted."""

    ended: Mapping[str, int]  # state -> jobs
    webhooks: Mapping[str, int]  # outcome -> tries
    depth: Mapping[str, int]  # queue -> what waits
    queue_seconds: Mapping[str, float]  # bucket -> jobs, and "sum"
    run_seconds: Mapping[str, float]
    work: Mapping[str, float]  # what the jobs' processes did, as work.py names it
    webhook_seconds: Mapping[str, float]
    workers: Mapping[str, int]  # queue -> those that have given a sign of life of late
    running: int
    oldest_waiting_seconds: float  # 0 when nothing waits
    kept_bytes: int
    limit_bytes: int


def shown(figures: JobFigures) -> Iterator[Metric]:
    """The families of the figures."""
    ended = {end: figures.ended.get(end, 0) for end in ENDS}
    yield _counter("inpaint_jobs", "Jobs that ended, by the state that they ended in.", "status", ended)
    outcomes = {outcome: figures.webhooks.get(outcome, 0) for outcome in OUTCOMES}
    yield _counter("inpaint_webhook_deliveries", "Attempts to deliver a webhook, by outcome.", "outcome", outcomes)
    yield _gauge("inpaint_queue_depth", "Jobs or webhooks that wait in a queue now.", figures.depth)
    yield _gauge("inpaint_workers", "Workers of a queue that gave a sign of life of late.", figures.workers)
    yield GaugeMetricFamily("inpaint_jobs_running", "Jobs that run now.", figures.running)
    yield GaugeMetricFamily(
        "inpaint_job_oldest_waiting_seconds",
        "Seconds since the acceptance of the oldest job that waits now; 0 if none does.",
        figures.oldest_waiting_seconds,
    )
    yield GaugeMetricFamily(
        "inpaint_jobs_kept_bytes", "Bytes of pictures that Redis keeps or has reserved room for.", figures.kept_bytes
    )
    yield GaugeMetricFamily(
        "inpaint_jobs_kept_bytes_limit",
        "The most of these bytes that are allowed: JOBS_MAX_BYTES.",
        figures.limit_bytes,
    )
    yield _histogram(
        "inpaint_job_queue_seconds", "Seconds from a job's acceptance to its first attempt.", figures.queue_seconds
    )
    yield _histogram("inpaint_job_run_seconds", "Seconds from a job's first attempt to its end.", figures.run_seconds)
    yield _histogram(
        "inpaint_webhook_delivery_seconds",
        "Seconds from the end of a job to the attempt by which its webhook was delivered.",
        figures.webhook_seconds,
    )
    yield from work.shown(figures.work)


def _gauge(name: str, about: str, values: Mapping[str, int]) -> Metric:
    """By queue."""
    family = GaugeMetricFamily(name, about, labels=["queue"])
    for queue, value in values.items():
        family.add_metric([queue], value)
    return family


def _counter(name: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, about, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _histogram(name: str, about: str, counted: Mapping[str, float]) -> Metric:
    family = HistogramMetricFamily(name, about)
    counts = accumulate(counted.get(bound, 0) for bound in BOUNDS)
    family.add_metric([], list(zip(map(_bound, BOUNDS), counts, strict=True)), counted.get("sum", 0))
    return family


def _bound(bound: str) -> str:
    return bound if bound == "+Inf" else str(float(bound))
