"""What the process of a job has done: engine calls, stages, memory. The process ends with its job, so it adds its
amounts to counters in Redis; /metrics shows them under names of their own."""

from __future__ import annotations

import resource
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from service.telemetry.metrics import SECONDS_BUCKETS
from service.telemetry.record import Stages

MIB = 2**20
MEMORY_BUCKETS = tuple(mib * MIB for mib in (64, 128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096))
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss
INFINITY = "+Inf"


class WorkMeter:
    """Implements the `EngineMeter` of engine_calls.py. Amounts are kept until they are taken: field -> what to add.

    A field is `kind|label|...`; those of a histogram end with the bucket's bound or with `sum`.
    """

    def __init__(self) -> None:
        self._amounts: defaultdict[str, float] = defaultdict(float)

    def called(self, model: str, code: str, seconds: float) -> None:
        """A call of a model has ended."""
        self._amounts[f"calls|{model}|{code}"] += 1
        self._observe(f"call_seconds|{model}", seconds, SECONDS_BUCKETS)

    def found_ready(self, model: str, ready: bool) -> None:
        """A job does not ask."""

    def staged(self, stages: Stages, model: str) -> None:
        """The stages of one item."""
        for stage, seconds in stages.seconds.items():
            self._observe(f"stage_seconds|{stage}|{model}", seconds, SECONDS_BUCKETS)

    def ended(self) -> None:
        """The process has done its work; once."""
        self._observe("peak_bytes", peak_bytes(), MEMORY_BUCKETS)

    def taken(self) -> dict[str, float]:
        """All amounts since the last time."""
        amounts, self._amounts = self._amounts, defaultdict(float)
        return dict(amounts)

    def _observe(self, name: str, value: float, bounds: Sequence[float]) -> None:
        place = bisect_left(bounds, value)
        self._amounts[f"{name}|{bounds[place] if place < len(bounds) else INFINITY}"] += 1
        self._amounts[f"{name}|sum"] += value


def peak_bytes() -> int:
    """The most memory that this process has had resident. A forked process begins with what it shares."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES


def shown(counted: Mapping[str, float]) -> Iterator[Metric]:
    """The families of what jobs did, from what was added up."""
    calls = CounterMetricFamily(
        "inpaint_job_engine_requests",
        "Calls of the engine by jobs, by deployed model and outcome (ok or a code of a problem).",
        labels=["model", "code"],
    )
    for field, count in sorted(counted.items()):
        kind, *labels = field.split("|")
        if kind == "calls":
            calls.add_metric(labels, count)
    yield calls
    yield _histograms(
        "inpaint_job_engine_request_duration_seconds",
        "Seconds that a call of the engine by a job took, by deployed model.",
        "call_seconds",
        ["model"],
        counted,
    )
    yield _histograms(
        "inpaint_job_stage_duration_seconds",
        "Seconds that an item of a job spent in a stage, by the model asked for.",
        "stage_seconds",
        ["stage", "model"],
        counted,
    )
    peak = HistogramMetricFamily("inpaint_job_peak_memory_bytes", "The most bytes that a job's process had in memory.")
    _add(peak, [], "peak_bytes", MEMORY_BUCKETS, counted)
    yield peak


def _histograms(name: str, about: str, kind: str, labels: list[str], counted: Mapping[str, float]) -> Metric:
    """What an older version has counted by other labels is left out."""
    family = HistogramMetricFamily(name, about, labels=labels)
    fields = (field.split("|") for field in counted if field.startswith(f"{kind}|"))
    for values in sorted({tuple(parts[1:-1]) for parts in fields if len(parts) == len(labels) + 2}):
        _add(family, list(values), "|".join((kind, *values)), SECONDS_BUCKETS, counted)
    return family


def _add(
    family: HistogramMetricFamily, labels: list[str], name: str, bounds: Sequence[float], counted: Mapping[str, float]
) -> None:
    counts = accumulate(counted.get(f"{name}|{bound}", 0) for bound in (*bounds, INFINITY))
    shown_bounds = [*(str(float(bound)) for bound in bounds), INFINITY]
    family.add_metric(labels, list(zip(shown_bounds, counts, strict=True)), counted.get(f"{name}|sum", 0))
