"""What the engine counts for one model, in the words of ModelStatistics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tritonclient.grpc import service_pb2


@dataclass(frozen=True)
class Durations:
    """Where the time of one execution went, in nanoseconds."""

    input_ns: int
    infer_ns: int
    output_ns: int

    @property
    def total_ns(self) -> int:
        return self.input_ns + self.infer_ns + self.output_ns


@dataclass
class Tally:
    count: int = 0
    ns: int = 0

    def add(self, ns: int, count: int = 1) -> None:
        self.count += count
        self.ns += ns

    def message(self) -> Any:
        return service_pb2.StatisticDuration(count=self.count, ns=self.ns)


@dataclass
class BatchTally:
    compute_input: Tally = field(default_factory=Tally)
    compute_infer: Tally = field(default_factory=Tally)
    compute_output: Tally = field(default_factory=Tally)

    def add(self, durations: Durations, count: int = 1) -> None:
        self.compute_input.add(durations.input_ns * count, count)
        self.compute_infer.add(durations.infer_ns * count, count)
        self.compute_output.add(durations.output_ns * count, count)


class Statistics:
    """Touched only from the event loop."""

    def __init__(self) -> None:
        self.inference_count = 0  # samples
        self.execution_count = 0  # batches
        self.last_inference_ms = 0  # since the epoch
        self.success, self.fail, self.queue = Tally(), Tally(), Tally()
        self.compute = BatchTally()
        self.batches: dict[int, BatchTally] = {}

    def executed(self, batch: int, queue_ns: list[int], durations: Durations) -> None:
        """One execution of `batch` samples for as many requests as there are entries in `queue_ns`."""
        self.inference_count += batch
        self.execution_count += 1
        self.last_inference_ms = time.time_ns() // 1_000_000
        for waited_ns in queue_ns:
            self.success.add(waited_ns + durations.total_ns)
            self.queue.add(waited_ns)
        self.compute.add(durations, len(queue_ns))
        self.batches.setdefault(batch, BatchTally()).add(durations)

    def failed(self, ns: int) -> None:
        """One request that was accepted and not answered, `ns` after it came."""
        self.fail.add(ns)

    def message(self, name: str, version: int) -> Any:
        """As service_pb2.ModelStatistics."""
        message = service_pb2.ModelStatistics(
            name=name,
            version=str(version),
            last_inference=self.last_inference_ms,
            inference_count=self.inference_count,
            execution_count=self.execution_count,
            inference_stats=service_pb2.InferStatistics(
                success=self.success.message(),
                fail=self.fail.message(),
                queue=self.queue.message(),
                **batch_messages(self.compute),
            ),
        )
        for size, tally in sorted(self.batches.items()):
            message.batch_stats.add(batch_size=size, **batch_messages(tally))
        return message


def batch_messages(tally: BatchTally) -> dict[str, Any]:
    return {
        "compute_input": tally.compute_input.message(),
        "compute_infer": tally.compute_infer.message(),
        "compute_output": tally.compute_output.message(),
    }
