"""The queue of one leaf model, and the batches made from it.

Everything here runs on the event loop, in plain calls: a request arrives, a forward ends, a timer fires, and
`dispatch` looks whether a batch can go. Only the forward itself runs in a thread.

On a CPU, several forwards at once with one core each get more done than one after another with all cores; but a
lone request is quickest with all of them. So a forward gets an equal share of the free cores, among the batches that
could go now.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from service.embedded.refusals import Refusal, unavailable
from service.embedded.repository import DeployedModel
from service.embedded.requests import Arrays, Request
from service.embedded.statistics import Durations, Statistics

log = logging.getLogger(__name__)

STOPPING = "Server is stopping, scheduler for model has stopped accepting new inference requests"


class Runner(Protocol):
    """What a scheduler runs: a Leaf, or something small in tests. `run` is called in a thread."""

    most_cores: int  # that it can use well; 0: all

    def run(self, requests: Sequence[Arrays], cores: int) -> tuple[list[Arrays], Durations]: ...


@dataclass(eq=False)
class Pending:
    """One request in the queue."""

    request: Request
    arrived_ns: int
    answer: asyncio.Future[Arrays]
    timer: asyncio.TimerHandle | None = None


class Forwards:
    """The global limits on forwards at a time and on their cores, shared by all models.

    A free slot goes to the model whose oldest request has waited longest. Every thread begins with `prepare`.
    """

    def __init__(self, limit: int, cores: int, prepare: Callable[[], None] | None = None) -> None:
        assert 1 <= limit <= cores
        self.free = limit
        self.free_cores = cores
        self.threads = ThreadPoolExecutor(limit, thread_name_prefix="forward", initializer=prepare)
        self.schedulers: list[Scheduler] = []

    @property
    def room(self) -> bool:
        """Whether one more forward may start."""
        return self.free > 0 and self.free_cores > 0

    def share(self) -> int:
        """Cores of the next forward: of the free ones, as many as leave the same to every other that could go."""
        could_go = sum(scheduler.could_start for scheduler in self.schedulers)
        return max(1, self.free_cores // max(1, min(could_go, self.free)))

    def take(self, cores: int) -> None:
        assert self.room
        assert cores <= self.free_cores
        self.free -= 1
        self.free_cores -= cores

    def give_back(self, cores: int) -> None:
        self.free += 1
        self.free_cores += cores
        for scheduler in sorted(self.schedulers, key=lambda one: one.oldest_ns):
            scheduler.dispatch()


class Scheduler:
    """Queue, batches and time-outs of one leaf. `infer` is the door."""

    def __init__(self, model: DeployedModel, runner: Runner, forwards: Forwards, statistics: Statistics) -> None:
        config = model.config
        policy = config.dynamic_batching.default_queue_policy
        self._model, self._runner, self._forwards, self._statistics = model, runner, forwards, statistics
        self._queue: deque[Pending] = deque()
        self._idle: int = sum(group.count for group in config.instance_group)
        self._batching = config.HasField("dynamic_batching")
        self._delay_ns = 1000 * int(config.dynamic_batching.max_queue_delay_microseconds)
        self._max_queue_size = policy.max_queue_size
        self._timeout_microseconds = int(policy.default_timeout_microseconds)
        self._allow_timeout_override = policy.allow_timeout_override
        self._delay_timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()
        forwards.schedulers.append(self)

    @property
    def oldest_ns(self) -> int:
        """When the oldest waiting request arrived; far in the future if none waits."""
        return self._queue[0].arrived_ns if self._queue else 2**63

    async def infer(self, request: Request) -> Arrays:
        """Wait for this request's part of a batch. Raises Refusal. Cancelling it takes the request out of the queue."""
        if self._max_queue_size and len(self._queue) >= self._max_queue_size:
            raise unavailable(f"{request.log_prefix}Exceeds maximum queue size")
        loop = asyncio.get_running_loop()
        pending = Pending(request, time.perf_counter_ns(), loop.create_future())
        self._queue.append(pending)
        self._start_timer(loop, pending)
        self.dispatch()
        try:
            return await pending.answer
        except (asyncio.CancelledError, Refusal):
            self._statistics.failed(time.perf_counter_ns() - pending.arrived_ns)
            raise
        finally:
            self._forget(pending)

    @property
    def could_start(self) -> int:
        """Forwards that could start now if there were cores: at most one a request, and one an idle instance."""
        return min(len(self._queue), self._idle)

    def _start_timer(self, loop: asyncio.AbstractEventLoop, pending: Pending) -> None:
        """Both limits on waiting: the queue's own and the call's deadline, whichever comes first."""
        seconds = self.queue_timeout_seconds(pending.request)
        deadline = pending.request.deadline
        if seconds is not None and (deadline is None or loop.time() + seconds <= deadline):
            refusal = unavailable("Request timeout expired")
            pending.timer = loop.call_later(seconds, self._expire, pending, refusal)
        elif deadline is not None:
            refusal = Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
            pending.timer = loop.call_at(deadline, self._expire, pending, refusal)

    def queue_timeout_seconds(self, request: Request) -> float | None:
        """A caller may shorten the queue's time-out, not lengthen it. None: wait for ever."""
        limit = self._timeout_microseconds
        if self._allow_timeout_override and 0 < request.queue_timeout_microseconds < limit:
            limit = request.queue_timeout_microseconds
        return limit / 1e6 if limit else None

    def _expire(self, pending: Pending, refusal: Refusal) -> None:
        if not pending.answer.done():
            pending.answer.set_exception(refusal)
        self._forget(pending)

    def _forget(self, pending: Pending) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        if pending in self._queue:
            self._queue.remove(pending)

    def dispatch(self) -> None:
        """Send as many batches as there are batches ready, idle instances and free slots."""
        while self._queue and self._idle and self._forwards.room:
            wait_ns = self._wait_ns()
            if wait_ns > 0:
                self._look_again(wait_ns)
                return
            cores = self._forwards.share()
            if self._runner.most_cores:
                cores = min(cores, self._runner.most_cores)
            batch = self._take()
            self._idle -= 1
            self._forwards.take(cores)
            task = asyncio.get_running_loop().create_task(self._run(batch, cores))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _wait_ns(self) -> int:
        """How long a fuller batch is still worth waiting for."""
        waiting = sum(pending.request.batch for pending in self._queue)
        if not self._delay_ns or waiting >= self._model.max_batch_size:
            return 0
        return self._queue[0].arrived_ns + self._delay_ns - time.perf_counter_ns()

    def _look_again(self, wait_ns: int) -> None:
        if self._delay_timer is not None:
            self._delay_timer.cancel()
        self._delay_timer = asyncio.get_running_loop().call_later(wait_ns / 1e9, self.dispatch)

    def _take(self) -> list[Pending]:
        """The oldest requests that fit into one batch, in their order. From now on they cannot time out.

        What waits is divided among the forwards that could start, so that a core does not idle beside a full batch.
        """
        batch: list[Pending] = []
        size = 0
        most = -(-len(self._queue) // max(1, min(self.could_start, self._forwards.free, self._forwards.free_cores)))
        while len(batch) < most and (not batch or self._fits(size + self._queue[0].request.batch)):
            pending = self._queue.popleft()
            size += pending.request.batch
            if pending.timer is not None:
                pending.timer.cancel()
            batch.append(pending)
        return batch

    def _fits(self, size: int) -> bool:
        return self._batching and size <= self._model.max_batch_size

    async def _run(self, batch: list[Pending], cores: int) -> None:
        dispatched_ns = time.perf_counter_ns()
        try:
            loop = asyncio.get_running_loop()
            inputs = [pending.request.inputs for pending in batch]
            answers, durations = await loop.run_in_executor(self._forwards.threads, self._runner.run, inputs, cores)
        except Exception as error:
            log.exception("%s failed on a batch of %d requests", self._model.name, len(batch))
            refuse_all(batch, Refusal(grpc.StatusCode.INTERNAL, str(error)))
        else:
            waited_ns = [dispatched_ns - pending.arrived_ns for pending in batch]
            self._statistics.executed(sum(pending.request.batch for pending in batch), waited_ns, durations)
            answer_all(batch, answers)
        finally:
            self._idle += 1
            self._forwards.give_back(cores)


def answer_all(batch: list[Pending], answers: list[Any]) -> None:
    for pending, answer in zip(batch, answers, strict=True):
        if not pending.answer.done():
            pending.answer.set_result(answer)


def refuse_all(batch: list[Pending], refusal: Refusal) -> None:
    for pending in batch:
        if not pending.answer.done():
            pending.answer.set_exception(Refusal(refusal.status, refusal.text))
