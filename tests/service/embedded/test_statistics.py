from __future__ import annotations

from service.embedded.statistics import Durations, Statistics


def test_a_batch_counts_as_one_execution() -> None:
    statistics = Statistics()
    statistics.executed(3, [10, 20], Durations(1, 100, 2))
    statistics.executed(1, [0], Durations(1, 50, 2))
    entry = statistics.message("m", 1)
    assert (entry.name, entry.version) == ("m", "1")
    assert (entry.inference_count, entry.execution_count) == (4, 2)
    assert entry.last_inference > 1_600_000_000_000
    times = entry.inference_stats
    assert (times.success.count, times.success.ns) == (3, 10 + 103 + 20 + 103 + 53)
    assert (times.queue.count, times.queue.ns) == (3, 30)
    assert (times.compute_infer.count, times.compute_infer.ns) == (3, 250)
    assert [(one.batch_size, one.compute_infer.count, one.compute_infer.ns) for one in entry.batch_stats] == [
        (1, 1, 50),
        (3, 1, 100),
    ]


def test_a_failure_counts_apart() -> None:
    statistics = Statistics()
    statistics.failed(7)
    entry = statistics.message("m", 1)
    assert (entry.inference_stats.fail.count, entry.inference_stats.fail.ns) == (1, 7)
    assert (entry.inference_count, entry.execution_count, entry.last_inference) == (0, 0, 0)
