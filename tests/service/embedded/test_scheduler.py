"""Queue, batches and time-outs, with a runner that waits for a gate instead of a network."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from service.embedded.refusals import Refusal
from service.embedded.repository import DeployedModel, read_model
from service.embedded.requests import Arrays
from service.embedded.scheduler import Forwards, Scheduler
from service.embedded.statistics import Durations, Statistics
from tests.service.embedded.models import LEAF, numbers, request_for, write_leaf

QUEUE_SIZE = 4


class Gate:
    """Doubles its input once the gate is open. Remembers every batch."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches: list[list[float]] = []
        self.cores: list[int] = []
        self.most_cores = 0
        self.running = 0
        self.most_running = 0
        self.error: Exception | None = None

    def run(self, requests: Sequence[Arrays], cores: int) -> tuple[list[Arrays], Durations]:
        self.cores.append(cores)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.batches.append([float(row[0]) for one in requests for row in one["INPUT__0"]])
        assert self.open.wait(10)
        self.running -= 1
        if self.error is not None:
            raise self.error
        return [{"OUTPUT__0": one["INPUT__0"] * 2} for one in requests], Durations(1, 2, 3)


@dataclass
class Bench:
    folder: Path
    forwards: Forwards = field(default_factory=lambda: Forwards(1, 1))
    gates: list[Gate] = field(default_factory=list)

    def scheduler(self, **config: Any) -> tuple[Scheduler, Gate, Statistics]:
        gate, statistics = Gate(), Statistics()
        self.gates.append(gate)
        return Scheduler(leaf(self.folder, **config), gate, self.forwards, statistics), gate, statistics


def leaf(folder: Path, **config: Any) -> DeployedModel:
    """The leaf `double` of the tests with another delay, time-out or number of instances."""
    model = read_model(folder)
    batching = model.config.dynamic_batching
    batching.max_queue_delay_microseconds = config.get("delay_microseconds", 0)
    batching.default_queue_policy.default_timeout_microseconds = config.get("timeout_microseconds", 5_000_000)
    batching.default_queue_policy.max_queue_size = config.get("queue_size", QUEUE_SIZE)
    batching.default_queue_policy.allow_timeout_override = config.get("override", True)
    model.config.instance_group[0].count = config.get("instances", 1)
    return model


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(write_leaf(tmp_path, LEAF))
    yield bench
    for gate in bench.gates:
        gate.open.set()
    bench.forwards.threads.shutdown()


def send(scheduler: Scheduler, *values: float, **fields: Any) -> asyncio.Task[Arrays]:
    return asyncio.create_task(scheduler.infer(request_for({"INPUT__0": numbers(*values)}, **fields)))


async def settle() -> None:
    """Let tasks start, and a forward reach its gate."""
    await asyncio.sleep(0.05)


def value(answer: Arrays) -> list[float]:
    return [float(row[0]) for row in answer["OUTPUT__0"]]


async def test_one_request(bench: Bench) -> None:
    scheduler, gate, statistics = bench.scheduler()
    gate.open.set()
    assert value(await send(scheduler, 1, 2)) == [2, 4]
    assert (statistics.inference_count, statistics.execution_count) == (2, 1)


async def test_waiting_requests_share_a_batch_and_keep_their_order(bench: Bench) -> None:
    scheduler, gate, statistics = bench.scheduler()
    first = send(scheduler, 9)
    await settle()
    waiting = [send(scheduler, 1), send(scheduler, 2, 3), send(scheduler, 4, 5), send(scheduler, 6)]
    await settle()
    gate.open.set()
    assert [value(await task) for task in (first, *waiting)] == [[18], [2], [4, 6], [8, 10], [12]]
    assert gate.batches == [[9], [1, 2, 3], [4, 5, 6]]  # 1+2+2 would be five, and the limit is four
    assert statistics.batches[3].compute_infer.count == 2


async def test_a_delay_gathers_requests(bench: Bench) -> None:
    scheduler, gate, _ = bench.scheduler(delay_microseconds=200_000)
    gate.open.set()
    started = time.monotonic()
    tasks = [send(scheduler, 1)]
    await settle()
    tasks.append(send(scheduler, 2))
    assert [value(await task) for task in tasks] == [[2], [4]]
    assert gate.batches == [[1, 2]]
    assert time.monotonic() - started > 0.15


async def test_a_full_batch_does_not_wait(bench: Bench) -> None:
    scheduler, gate, _ = bench.scheduler(delay_microseconds=60_000_000)
    gate.open.set()
    await asyncio.wait_for(asyncio.gather(send(scheduler, 1, 2), send(scheduler, 3, 4)), 5)
    assert gate.batches == [[1, 2, 3, 4]]


async def test_a_full_queue_refuses(bench: Bench) -> None:
    scheduler, gate, statistics = bench.scheduler()
    tasks = [send(scheduler, 0)]
    await settle()
    tasks += [send(scheduler, 1) for _ in range(QUEUE_SIZE)]
    await settle()
    with pytest.raises(Refusal) as refused:
        await send(scheduler, 2, id="late")
    assert refused.value.status is grpc.StatusCode.UNAVAILABLE
    assert refused.value.text == "[request id: late] Exceeds maximum queue size"
    gate.open.set()
    await asyncio.gather(*tasks)
    assert statistics.fail.count == 0  # as Triton counts it


async def expired(task: asyncio.Task[Arrays]) -> str:
    with pytest.raises(Refusal) as refused:
        await task
    return f"{refused.value.status.name}: {refused.value.text}"


async def test_the_queues_timeout(bench: Bench) -> None:
    scheduler, gate, statistics = bench.scheduler(timeout_microseconds=50_000)
    running = send(scheduler, 1)
    await settle()
    assert await expired(send(scheduler, 2)) == "UNAVAILABLE: Request timeout expired"
    gate.open.set()
    assert value(await running) == [2]
    assert gate.batches == [[1]]
    assert statistics.fail.count == 1


async def test_a_caller_may_shorten_the_timeout(bench: Bench) -> None:
    scheduler, _, _ = bench.scheduler()
    send(scheduler, 1)
    await settle()
    task = send(scheduler, 2, queue_timeout_microseconds=50_000)
    assert await asyncio.wait_for(expired(task), 2) == "UNAVAILABLE: Request timeout expired"


@pytest.mark.parametrize(
    ("asked", "limit", "override", "seconds"),
    [
        (0, 5_000_000, True, 5.0),
        (1_000_000, 5_000_000, True, 1.0),
        (9_000_000, 5_000_000, True, 5.0),
        (1_000_000, 5_000_000, False, 5.0),
        (1_000_000, 0, True, None),
    ],
)
async def test_which_timeout_counts(
    asked: int, limit: int, override: bool, seconds: float | None, bench: Bench
) -> None:
    scheduler, _, _ = bench.scheduler(timeout_microseconds=limit, override=override)
    request = request_for({"INPUT__0": numbers(1)}, queue_timeout_microseconds=asked)
    assert scheduler.queue_timeout_seconds(request) == seconds


async def test_a_passed_deadline_takes_a_request_out(bench: Bench) -> None:
    scheduler, gate, _ = bench.scheduler()
    running = send(scheduler, 1)
    await settle()
    late = send(scheduler, 2, deadline=asyncio.get_running_loop().time() + 0.05)
    assert await expired(late) == "DEADLINE_EXCEEDED: Deadline Exceeded"
    gate.open.set()
    await running
    assert gate.batches == [[1]]


async def test_a_cancelled_request_leaves_the_queue(bench: Bench) -> None:
    scheduler, gate, statistics = bench.scheduler()
    running = send(scheduler, 1)
    await settle()
    waiting = [send(scheduler, 2), send(scheduler, 3)]
    await settle()
    waiting[0].cancel()
    await settle()
    gate.open.set()
    assert value(await waiting[1]) == [6]
    assert value(await running) == [2]
    assert gate.batches == [[1], [3]]
    assert statistics.fail.count == 1


async def test_cancelling_a_running_request_does_not_hurt_its_neighbours(bench: Bench) -> None:
    scheduler, gate, _ = bench.scheduler(delay_microseconds=20_000)
    tasks = [send(scheduler, 1), send(scheduler, 2)]
    await asyncio.sleep(0.2)
    tasks[0].cancel()
    await settle()
    gate.open.set()
    assert value(await tasks[1]) == [4]
    assert gate.batches == [[1, 2]]


async def test_a_failing_forward_refuses_its_batch_and_nothing_else(bench: Bench) -> None:
    scheduler, gate, statistics = bench.scheduler()
    gate.open.set()
    gate.error = RuntimeError("it broke")
    assert await expired(send(scheduler, 1)) == "INTERNAL: it broke"
    gate.error = None
    assert value(await send(scheduler, 2)) == [4]
    assert (statistics.fail.count, statistics.success.count) == (1, 1)


async def test_the_limit_on_forwards_holds_over_all_models(bench: Bench) -> None:
    one, first_gate, _ = bench.scheduler(instances=2)
    other, second_gate, _ = bench.scheduler()
    tasks = [send(one, 1), send(other, 2), send(one, 3)]
    await settle()
    assert (first_gate.batches, second_gate.batches) == ([[1]], [])
    first_gate.open.set()
    await settle()
    assert second_gate.batches == [[2]]  # it had waited longer than the other model's second request
    assert first_gate.batches == [[1]]
    second_gate.open.set()
    assert [value(await task) for task in tasks] == [[2], [4], [6]]


async def test_instances_run_at_the_same_time(bench: Bench) -> None:
    bench.forwards = Forwards(4, 4)
    scheduler, gate, _ = bench.scheduler(instances=2)
    gate.most_cores = 1
    tasks = []
    for n in range(3):
        tasks.append(send(scheduler, n))
        await settle()
    assert gate.most_running == 2
    gate.open.set()
    assert [value(await task) for task in tasks] == [[0], [2], [4]]


async def test_nothing_is_kept_once_answered(bench: Bench) -> None:
    scheduler, gate, _ = bench.scheduler()
    gate.open.set()
    for n in range(50):
        await send(scheduler, n)
    assert scheduler.oldest_ns == 2**63
    assert bench.forwards.free == 1


async def test_a_lone_request_gets_all_cores(bench: Bench) -> None:
    bench.forwards = Forwards(2, 4)
    scheduler, gate, _ = bench.scheduler(instances=2)
    gate.open.set()
    for _ in range(2):
        await send(scheduler, 1)
    assert gate.cores == [4, 4]


async def test_requests_side_by_side_share_the_cores(bench: Bench) -> None:
    bench.forwards = Forwards(2, 4)
    scheduler, gate, _ = bench.scheduler(instances=2)
    first = send(scheduler, 1)
    await settle()
    rest = [send(scheduler, value) for value in (2, 3)]
    await settle()
    gate.open.set()
    await asyncio.gather(first, *rest)
    assert gate.cores == [4, 2, 2]
    assert gate.batches == [[1], [2], [3]]  # not one batch of two beside an idle core


async def test_a_model_that_cannot_use_more_cores_leaves_them(bench: Bench) -> None:
    bench.forwards = Forwards(4, 4)
    scheduler, gate, _ = bench.scheduler(instances=4)
    gate.most_cores = 1
    tasks = [send(scheduler, 1)]
    await settle()
    tasks.append(send(scheduler, 2))
    await settle()
    assert gate.running == 2
    gate.open.set()
    await asyncio.gather(*tasks)
    assert gate.cores == [1, 1]
    assert bench.forwards.free_cores == 4
