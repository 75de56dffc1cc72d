"""The records of jobs. Every change is one script in Redis; whoever comes second finds it done."""

from __future__ import annotations

import asyncio
import json
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.errors import JobsUnavailable, Overloaded, ServiceError, StorageFull, TooManyPixels
from service.jobs import redis_clients
from service.jobs.blobs import Blobs
from service.jobs.redis_clients import ask, is_out_of_memory
from service.jobs.scripts import PREFIX, PRELUDE, SCRIPTS
from service.jobs.states import Item, Job, Priority, State, problem_of, read_job
from service.jobs.workers import live_workers
from service.settings.jobs import JobSettings
from service.telemetry.jobs import JobFigures

RESERVED_SECONDS = 120.0  # from the reservation until its pictures are stored and it is confirmed
RETRY_AFTER_SECONDS = 5.0

DEPTHS = {"inpaint": "waiting", "webhooks": "webhooks"}  # queue -> the sorted set of what waits for it

T = TypeVar("T")


@dataclass(frozen=True)
class NewJob:
    """A job before it is accepted."""

    owner: str
    request: dict[str, Any]  # service/jobs/request_records.py
    pairs: Sequence[tuple[bytes, bytes]]  # image, mask
    base_url: str
    webhook_url: str | None = None
    delete_on_fetch: bool = False
    request_id: str = ""
    traceparent: str = ""

    reference: bytes | None = None  # a picture that guides all of them
    result_bytes: int = 0  # the most that its results can take
    caller: str = ""  # who takes turns with others; forgotten when the job begins. Empty: its owner
    priority: Priority = "normal"

    @property
    def line(self) -> list[str | int]:
        """What decides its place: caller, model, pictures, 1 if of high priority."""
        return [
            self.caller or self.owner,
            self.request.get("model", ""),
            len(self.pairs),
            int(self.priority == "high"),
        ]

    @property
    def input_bytes(self) -> int:
        return sum(len(image) + len(mask) for image, mask in self.pairs) + len(self.reference or b"")

    @property
    def bytes(self) -> int:
        """What is reserved for it: its inputs, and room for its results."""
        return self.input_bytes + self.result_bytes


class JobStore:
    """Records of jobs, for the API and for workers. Raises redis.RedisError when Redis cannot be reached."""

    def __init__(self, redis: Redis, settings: JobSettings, *, tries: int = 1) -> None:
        self.redis = redis
        self.blobs = Blobs(settings.redis_url, tries)
        self._settings = settings
        self._scripts = {name: redis.register_script(PRELUDE + body) for name, body in SCRIPTS.items()}

    async def _run(self, name: str, job_id: str, *arguments: str | bytes | float) -> Any:
        return await self._scripts[name](args=[job_id, repr(time.time()), *arguments])

    def _until(self, kept_seconds: float) -> tuple[str, str]:
        """When the pictures go, and when the record goes."""
        expires_at = time.time() + kept_seconds
        return repr(expires_at), repr(expires_at + self._settings.jobs_record_ttl_seconds)

    async def reserve(self, job_id: str, new: NewJob) -> None:
        """Take a place in line and room for the pictures. Raises Overloaded, or TooManyPixels if it can never fit."""
        record: dict[str, str | int] = {
            "order": json.dumps(new.request),
            "item_count": len(new.pairs),
            "created_at": repr(time.time()),
            "delete_on_fetch": int(new.delete_on_fetch),
            "base_url": new.base_url,
            "request_id": new.request_id,
            "traceparent": new.traceparent,
            "priority": new.priority,
            **({"webhook_url": new.webhook_url} if new.webhook_url else {}),
        }
        depth, most = self._settings.jobs_queue_depth, self._settings.jobs_max_bytes
        places = self._settings.jobs_caller_places
        if new.bytes > most:
            errors = [{"actual_bytes": new.bytes, "allowed_bytes": most, "setting": "JOBS_MAX_BYTES"}]
            raise TooManyPixels(
                "The pictures of this job and their results need more room than there is.", errors=errors
            )
        fields = [*new.line, *(part for pair in record.items() for part in pair)]
        answer, actual = await self._run(
            "reserve", job_id, depth, most, new.bytes, RESERVED_SECONDS, new.owner, new.input_bytes, places, *fields
        )
        if answer == b"depth":
            raise _full(f"{depth} jobs are waiting.", "JOBS_QUEUE_DEPTH", actual, depth)
        if answer == b"share":
            raise _full(f"{places} of your jobs are waiting.", "JOBS_CALLER_SHARE", actual, places)
        if answer == b"bytes":
            raise _full("The pictures of other jobs leave no room.", "JOBS_MAX_BYTES", actual + new.bytes, most)
        assert answer == b"reserved", "ids are made for one job"

    async def fill(self, job_id: str, new: NewJob) -> None:
        """Store the pictures of a reserved job; from now on it stays until its time is up."""
        await self.blobs.put_inputs(job_id, new.pairs, new.reference, RESERVED_SECONDS)
        if not await self._run("confirm", job_id, *self._until(self._settings.jobs_queue_ttl_seconds)):
            raise JobsUnavailable("The job could not be stored in time.", retry_after_seconds=RETRY_AFTER_SECONDS)

    async def withdraw(self, job_id: str) -> None:
        """Forget a job that was not accepted after all."""
        await self._run("withdraw", job_id)

    async def begin(self, job_id: str, run_seconds: float) -> tuple[Literal["run", "over", "exhausted"], int]:
        """Start an attempt: "run" and its number; "over", nothing is left to do; or "exhausted", too many have died."""
        answer, number = await self._run("begin", job_id, self._settings.jobs_max_tries, *self._until(run_seconds))
        return answer.decode(), number

    async def do_not_count(self, job_id: str) -> None:
        """Do not count the running attempt: it ends only because its worker was told to stop."""
        await self._run("do_not_count", job_id)

    async def settle_item(
        self, job_id: str, number: int, index: int, item: Item, pictures: Sequence[bytes] = ()
    ) -> bool:
        """Write an item's outcome, once; False when a later attempt has taken over. Raises StorageFull."""
        outcome = json.dumps({"state": item.state, "answer": item.answer, "problem": item.problem})
        most = self._settings.jobs_max_bytes
        try:
            answer, kept_bytes = await self._run("settle_item", job_id, number, most, index, outcome, *pictures)
        except RedisError as error:
            if not is_out_of_memory(error):
                raise
            raise StorageFull("Redis has no room for the result.") from None
        if answer == b"full":
            errors = [{"actual_bytes": kept_bytes, "allowed_bytes": most, "setting": "JOBS_MAX_BYTES"}]
            raise StorageFull("There is no room for the result.", errors=errors)
        return bool(answer == b"settled")

    async def finish(self, job_id: str, number: int, state: State, error: ServiceError | None = None) -> bool:
        """End a running job; False when a later attempt has taken over."""
        problem = "" if error is None else json.dumps(problem_of(error))
        until = self._until(self._settings.jobs_result_ttl_seconds)
        return bool(await self._run("finish", job_id, number, state, problem, *until))

    async def cancel(self, job_id: str) -> None:
        """Cancel a job that has not ended; let go of the pictures of one that has."""
        await self._run("cancel", job_id, repr(time.time() + self._settings.jobs_record_ttl_seconds))

    async def get(self, job_id: str) -> Job | None:
        """A job's record; None when there is none or it is forgotten."""
        fields = await ask(self.redis, "HGETALL", f"{PREFIX}job:{job_id}")
        return read_job(job_id, fields, time.time()) if b"order" in fields else None

    async def get_as_written(self, job_id: str) -> Job | None:
        """The same, with the state that the job ended in: what has lapsed since then does not count."""
        fields = await ask(self.redis, "HGETALL", f"{PREFIX}job:{job_id}")
        return read_job(job_id, fields, -math.inf) if b"order" in fields else None

    async def state(self, job_id: str) -> tuple[State | None, int]:
        """The stored state, and the number of the attempt: what a worker looks at while it runs a job."""
        state, tries = await ask(self.redis, "HMGET", f"{PREFIX}job:{job_id}", "state", "tries")
        return (state.decode() if state else None), int(tries or 0)

    async def position(self, job_id: str) -> int | None:
        """1 for the next in line; None for a job that does not wait."""
        rank = await ask(self.redis, "ZRANK", f"{PREFIX}waiting", job_id)
        return None if rank is None else rank + 1

    async def figures(self) -> JobFigures:
        """What has been counted, for the metrics."""
        counts = await self._numbers("counts")
        depth = {queue: await ask(self.redis, "ZCARD", f"{PREFIX}{key}") for queue, key in DEPTHS.items()}
        heartbeat_seconds = self._settings.jobs_heartbeat_seconds
        return JobFigures(
            ended={name[5:]: int(count) for name, count in counts.items() if name.startswith("jobs:")},
            webhooks={name[9:]: int(count) for name, count in counts.items() if name.startswith("webhooks:")},
            depth=depth,
            queue_seconds=await self._numbers("histogram:job_queue_seconds"),
            run_seconds=await self._numbers("histogram:job_run_seconds"),
            work=await self._numbers("work"),
            webhook_seconds=await self._numbers("histogram:webhook_seconds"),
            workers={queue: await live_workers(self.redis, queue, heartbeat_seconds) for queue in DEPTHS},
            running=await ask(self.redis, "ZCARD", f"{PREFIX}running"),
            oldest_waiting_seconds=await self._oldest_waiting_seconds(),
            kept_bytes=int(await ask(self.redis, "GET", f"{PREFIX}bytes:total") or 0),
            limit_bytes=self._settings.jobs_max_bytes,
        )

    async def _oldest_waiting_seconds(self) -> float:
        """Whatever the order in which they will be taken."""
        by_id = "SORT", f"{PREFIX}waiting", "BY", "nosort", "GET", f"{PREFIX}job:*->created_at"
        accepted = [float(seconds) for seconds in await ask(self.redis, *by_id) if seconds is not None]
        return max(0.0, time.time() - min(accepted)) if accepted else 0.0

    async def add_work(self, amounts: Mapping[str, float]) -> None:
        """Add to the counts of what jobs' processes did."""
        async with self.redis.pipeline() as pipeline:
            for name, amount in amounts.items():
                pipeline.execute_command("HINCRBYFLOAT", f"{PREFIX}work", name, repr(float(amount)))
            await pipeline.execute()

    async def _numbers(self, key: str) -> dict[str, float]:
        fields = await ask(self.redis, "HGETALL", f"{PREFIX}{key}")
        return {name.decode(): float(value) for name, value in fields.items()}

    async def listed(self, owner: str, before: int | None, limit: int) -> list[Job]:
        """An owner's jobs, the newest first, those below number `before`; at most `limit`."""
        key, jobs = f"{PREFIX}owner:{owner}", list[Job]()
        highest = "+inf" if before is None else f"({before}"
        while len(jobs) < limit:
            page = await ask(self.redis, "ZREVRANGEBYSCORE", key, highest, "-inf", "WITHSCORES", "LIMIT", 0, limit)
            if not page:
                break
            ids, highest = [job_id.decode() for job_id in page[::2]], f"({int(page[-1])}"
            found = await self._records(ids)
            if forgotten := [job_id for job_id in ids if job_id not in found]:
                await ask(self.redis, "ZREM", key, *forgotten)
            jobs += found.values()
        return jobs[:limit]

    async def _records(self, ids: Sequence[str]) -> dict[str, Job]:
        """Those that are there, in the same order, fetched together."""
        async with self.redis.pipeline(transaction=False) as pipeline:
            for job_id in ids:
                pipeline.execute_command("HGETALL", f"{PREFIX}job:{job_id}")
            records, now = await pipeline.execute(), time.time()
        return {
            job_id: read_job(job_id, fields, now)
            for job_id, fields in zip(ids, records, strict=True)
            if b"order" in fields
        }


def in_own_loop(settings: JobSettings, call: Callable[[JobStore], Awaitable[T]], *, tries: int = 1) -> T:
    """Call the store from code that has no event loop."""

    async def once() -> T:
        redis = redis_clients.asynchronous(settings.redis_url, tries=tries)
        try:
            return await call(JobStore(redis, settings))
        finally:
            await redis.aclose()

    return asyncio.run(once())


def new_job_id() -> str:
    """Cannot be guessed: without API keys it is all that protects a job."""
    return uuid.uuid4().hex


def _full(detail: str, setting: str, actual: int, allowed: int) -> Overloaded:
    errors = [{"actual": actual, "allowed": allowed, "setting": setting}]
    return Overloaded(detail, errors=errors, retry_after_seconds=RETRY_AFTER_SECONDS)
