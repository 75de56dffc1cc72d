"""Metrics of jobs. They are counted in Redis, in the step that changes the job: a forked process takes its own counts
with it when it ends. Every process of the API shows the same figures, so do not add them up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

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


def text(figures: JobFigures) -> bytes:
    """The figures in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Shown(figures))
    return generate_latest(registry)


class _Shown(Collector):
    def __init__(self, figures: JobFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        figures = self._figures
        yield _counter("inpaint_jobs", "Jobs that ended.", "status", {end: figures.ended.get(end, 0) for end in ENDS})
        outcomes = {outcome: figures.webhooks.get(outcome, 0) for outcome in OUTCOMES}
        yield _counter("inpaint_webhook_deliveries", "Tries to deliver a webhook.", "outcome", outcomes)
        depth = GaugeMetricFamily("inpaint_queue_depth", "What waits in a queue.", labels=["queue"])
        for queue, waiting in figures.depth.items():
            depth.add_metric([queue], waiting)
        yield depth
        yield _histogram("inpaint_job_queue_seconds", "From acceptance to the first try.", figures.queue_seconds)
        yield _histogram("inpaint_job_run_seconds", "From the first try to the end.", figures.run_seconds)
        yield from work.shown(figures.work)


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
