import os

import pytest
from lightning.fabric import Fabric

from training.data.cores import sensible_workers, usable_cores
from training.machine import Machine, loaders


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert usable_cores() == 3


@pytest.mark.parametrize(
    ("device", "cores", "processes", "workers"),
    [("cuda", 16, 1, 8), ("cuda", 16, 4, 3), ("cuda", 2, 1, 1), ("cuda", 1, 2, 1), ("cpu", 16, 1, 0), ("mps", 8, 1, 7)],
)
def test_workers_leave_a_core_to_the_process_that_they_serve(
    monkeypatch: pytest.MonkeyPatch, device: str, cores: int, processes: int, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    assert sensible_workers(device, processes) == workers


def test_what_the_user_asks_for_counts_first() -> None:
    fabric = Fabric(accelerator="cpu", devices=1)
    assert loaders(fabric, Machine(workers=3)) == 3
    assert loaders(fabric, Machine()) == 0
