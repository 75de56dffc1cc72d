"""The arithmetic of the bench: what is relative to what."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.bench.calls import Times
from tests.bench.report import Memory, report, results


def times(*seconds: float, wall_seconds: float | None = None) -> Times:
    one = Times()
    one.add(list(seconds), wall_seconds if wall_seconds is not None else sum(seconds))
    return one


@pytest.fixture
def numbers() -> dict[str, float]:
    """A forward of 0.2 s, an engine of 0.22 s, a service of 0.25 s; 8 clients make 16 requests in 4 s, and 64 clients
    64 in 20 s, of which 3 are refused."""
    crowd = times(*[10.0] * 61, wall_seconds=20.0)
    crowd.add([], 0.0, Counter({429: 2, 503: 1}))
    measured = {
        "forward": times(0.2, 0.2, 0.2),
        "engine": times(0.22, 0.22, 0.5),
        "inpaint": times(0.25, 0.25, 0.25),
        "inpaint_many": times(*[2.0] * 16, wall_seconds=4.0),
        "inpaint_crowd": crowd,
    }
    table = results(measured, Memory(2000, 500 * 2**20, 510 * 2**20), faces=1, seconds_to_ready=6.0)
    return table | {"denormals_torch_ratio": 150.4, "denormals_ratio": 1.02}


def test_overheads_are_relative_to_the_forward(numbers: dict[str, float]) -> None:
    assert numbers["engine_overhead_percent"] == pytest.approx(10)
    assert numbers["inpaint_overhead_percent"] == pytest.approx(25)
    assert numbers["inpaint_overhead_milliseconds"] == pytest.approx(50)


def test_throughput_is_relative_to_the_bare_loop(numbers: dict[str, float]) -> None:
    assert numbers["inpaint_many_per_second"] == pytest.approx(4)
    assert numbers["inpaint_many_throughput_percent"] == pytest.approx(80)


def test_a_crowd_is_measured_by_the_forward_and_its_refusals_are_counted_apart(numbers: dict[str, float]) -> None:
    assert numbers["inpaint_crowd_p50_ratio"] == numbers["inpaint_crowd_p95_ratio"] == pytest.approx(50)
    assert numbers["inpaint_crowd_throughput_percent"] == pytest.approx(61)
    assert numbers["inpaint_crowd_refused"] == 3
    assert "refused: 3" in report(numbers)


def test_two_faces_in_a_picture_are_two_forwards() -> None:
    measured = {name: times(0.2) for name in ("forward", "engine", "inpaint_many", "inpaint_crowd")} | {
        "inpaint": times(0.5)
    }
    numbers = results(measured, Memory(0, 1, 1), faces=2, seconds_to_ready=1.0)
    assert numbers["inpaint_overhead_percent"] == pytest.approx(25)
    assert numbers["inpaint_many_throughput_percent"] == pytest.approx(200)


def test_the_report_names_every_figure(numbers: dict[str, float]) -> None:
    text = report(numbers)
    for words in (
        "+10.0 %",
        "+25.0 %",
        "+50 ms",
        "80.0 %",
        "500 MiB",
        "+10 MiB over 2000 more",
        "6.0 s",
        "150.40 times",
        "1.02 by ours",
    ):
        assert words in text
