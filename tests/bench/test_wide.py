"""The arithmetic of the wide turns."""

from __future__ import annotations

import pytest

from tests.bench.calls import Times
from tests.bench.wide import report, results


@pytest.fixture
def numbers() -> dict[str, float]:
    seconds = {
        "forward_published": [9.0, 8.0],
        "forward_float32": [0.5, 0.4, 0.9],
        "forward_auto": [0.2, 0.1],
        "inpaint_float32": [0.8, 0.6],
        "inpaint_auto": [0.3, 0.4],
    }
    return results({name: Times(list(values), sum(values)) for name, values in seconds.items()})


def test_the_quickest_of_each_counts_against_the_quickest_of_float32(numbers: dict[str, float]) -> None:
    assert numbers["wide_forward_float32_seconds"] == 0.4
    assert numbers["wide_published_ratio"] == pytest.approx(20)
    assert numbers["wide_auto_ratio"] == pytest.approx(0.25)
    assert numbers["wide_inpaint_ratio"] == pytest.approx(0.5)


def test_the_report_names_every_figure(numbers: dict[str, float]) -> None:
    text = report(numbers)
    for words in ("8000.0 ms  20.00", "400.0 ms   1.00", "100.0 ms   0.25", "600.0 ms   1.00", "300.0 ms   0.50"):
        assert words in text
