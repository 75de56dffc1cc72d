"""What a worker does with a job: for each item, the same use case as POST /inpaint, until the job has an end.

RQ calls `run` in a forked process. It may call it again for the same job, at any time; finished items stay finished.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.exceptions import RedisError

from service.assembly import make_inpainter, open_engine
from service.completion.inpaint import Inpainter
from service.completion.messages import InpaintRequest
from service.deadline import Deadline
from service.engine import Engine
from service.errors import DeadlineExceeded, EngineUnavailable, JobCrashed, ResultExpired, ServiceError, StorageFull
from service.jobs import redis_clients
from service.jobs.queue import run_seconds
from service.jobs.request_records import answer_to_record, from_record, pictures_to_keep
from service.jobs.states import Item, Job, StoredError, problem_of
from service.jobs.store import JobStore
from service.settings import Settings, load_settings, traces_endpoint
from service.telemetry.engine_calls import CountedEngine
from service.telemetry.exporting import exporting, job_span
from service.telemetry.record import Stages
from service.telemetry.work import WorkMeter
from service.threads import ImagingThreads
from service.trace import begin_trace, current_traceparent

WATCH_SECONDS = 0.5
TELL_SECONDS = 2.0
STORE_SECONDS = 10.0  # how long a finished item waits for room in a full Redis
STORE_PAUSE_SECONDS = 0.5
REDIS_TRIES = 60  # a second each, at most
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0

T = TypeVar("T")
logger = logging.getLogger(__name__)


def run(job_id: str) -> None:
    """The task that RQ calls."""
    with exporting(traces_endpoint()):
        asyncio.run(run_once(job_id, load_settings()))


async def run_once(job_id: str, settings: Settings, engine: Engine | None = None) -> None:
    """One attempt at a job, in this process. `engine` is the one to use instead of the one at ENGINE_URL."""
    redis = redis_clients.asynchronous(settings.redis_url, tries=REDIS_TRIES)
    try:
        store = JobStore(redis, settings, tries=REDIS_TRIES)
        async with open_engine(settings, engine) as usable:
            await JobAttempt(store, settings, usable, job_id).run()
    finally:
        await redis.aclose()


class JobAttempt:
    """One attempt at one job."""

    def __init__(self, store: JobStore, settings: Settings, engine: Engine, job_id: str) -> None:
        self._store = store
        self._settings = settings
        self._meter = WorkMeter()
        self._engine = CountedEngine(engine, self._meter)
        self._id = job_id
        self._number = 0
        self._stages = Stages()  # of all items together
        self._wait = Deadline(settings.jobs_engine_wait_seconds)  # for an engine that is away

    async def run(self) -> None:
        """From the state queued or running to an end, unless somebody else brings it there."""
        job = await self._store.get(self._id)
        if job is None:
            return
        longest_seconds = run_seconds(self._settings, job.item_count, self._settings.request_deadline_seconds)
        answer, self._number = await self._store.begin(
            self._id, longest_seconds + self._settings.jobs_result_ttl_seconds
        )
        if answer == "exhausted":
            tries = self._settings.jobs_max_tries
            error = JobCrashed(f"Its worker died {tries} times.", errors=[{"setting": "JOBS_MAX_TRIES"}])
            await self._store.finish(self._id, self._number, "failed", error)
        if answer != "run":
            return
        with job_span("job", job.traceparent, {"job.id": self._id, "job.try": self._number}):
            begin_trace(job.traceparent)
            self._log("begins", job)
            try:
                await self._run_until_over(self._work(job, longest_seconds))
            finally:
                self._meter.ended()
                await self._tell_work()
            self._log("ends", job)

    async def _tell_work(self) -> None:
        """Add what was done to the counts in Redis. Figures are not worth a wait: without Redis they are lost."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._store.add_work(self._meter.taken())
        except (RedisError, TimeoutError):
            logger.warning("job %s: what it did is not counted", self._id)

    def _log(self, what: str, job: Job) -> None:
        fields = {
            "job_id": self._id,
            "request_id": job.request_id,
            "traceparent": current_traceparent(),
            "try": self._number,
            "model": job.request["model"],
            "items": job.item_count,
            "stage_seconds": {name: round(seconds, 4) for name, seconds in self._stages.seconds.items()},
        }
        logger.info("job %s", what, extra={"fields": fields})

    async def _work(self, job: Job, longest_seconds: float) -> None:
        try:
            async with asyncio.timeout(longest_seconds):
                await self._settle_all(job)
        except TimeoutError:
            await self._end_with(DeadlineExceeded("The job took longer than it may."))
        except RedisError:
            raise
        except Exception:
            logger.exception("job %s: unexpected error", self._id)
            await self._end_with(ServiceError("Something unexpected happened. It was logged under the job's id."))

    async def _settle_all(self, job: Job) -> None:
        threads = ImagingThreads(self._settings.imaging_threads)
        try:
            inpainter = make_inpainter(self._settings, self._engine, threads)
            errors = [await self._settle(job, index, inpainter) for index in range(job.item_count)]
        finally:
            threads.close()
        failed = [error for error in errors if error is not None]
        await self._end_with(failed[0] if len(failed) == job.item_count else None)

    async def _end_with(self, error: ServiceError | None) -> None:
        await self._store.finish(self._id, self._number, "failed" if error else "succeeded", error)

    async def _settle(self, job: Job, index: int, inpainter: Inpainter) -> ServiceError | None:
        """Complete one item and write its outcome; what an earlier attempt has written is left as it is."""
        if index in job.settled:
            problem = job.settled[index].problem
            return None if problem is None else StoredError(problem)
        try:
            inputs = await self._store.blobs.inputs(self._id, index)
            if inputs is None:
                raise ResultExpired("The pictures are no longer kept.")
            item, pictures = await self._complete(from_record(job.request, *inputs), inpainter)
            await self._keep(index, item, pictures)
        except ServiceError as error:
            failed = Item("failed", problem=problem_of(error))
            await self._store.settle_item(self._id, self._number, index, failed)
            return error
        return None

    async def _keep(self, index: int, item: Item, pictures: Sequence[bytes]) -> None:
        """Write a finished item. A full Redis may have room again in a moment; raises StorageFull if it has not."""
        wait = Deadline(STORE_SECONDS)
        while True:
            try:
                await self._store.settle_item(self._id, self._number, index, item, pictures)
                return
            except StorageFull:
                if wait.remaining_seconds <= 0:
                    raise
            await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def _complete(self, request: InpaintRequest, inpainter: Inpainter) -> tuple[Item, list[bytes]]:
        stages = Stages()

        async def once() -> tuple[Item, list[bytes]]:
            deadline = Deadline(self._settings.request_deadline_seconds)
            answer = await inpainter.inpaint(request, deadline, stages)
            self._stages.add(stages)
            return Item("succeeded", answer=answer_to_record(answer, stages.seconds)), pictures_to_keep(answer)

        try:
            return await while_engine_is_away(once, self._wait)
        finally:
            self._meter.staged(stages, request.model)
            await self._tell_work()

    async def _run_until_over(self, work: Awaitable[None]) -> None:
        """Run `work` until the job is canceled or another attempt takes over."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=WATCH_SECONDS))[0]:
                if await self._store.state(self._id) != ("running", self._number):
                    logger.info("job %s is over", self._id)
                    return
            task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def while_engine_is_away(call: Callable[[], Awaitable[T]], wait: Deadline) -> T:
    """Call again, after growing pauses, while the engine is away and `wait` has time left."""
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await call()
        except (EngineUnavailable, DeadlineExceeded):
            if wait.remaining_seconds <= 0:
                raise
        await asyncio.sleep(min(pause_seconds, max(0.0, wait.remaining_seconds)))
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
