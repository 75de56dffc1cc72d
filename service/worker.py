"""`python -m service.worker [inpaint|webhooks]`: runs jobs, each in a forked process, or delivers webhooks.

One queue per worker of jobs: only then does RQ move a job on in one step, so that no crash in between loses it. This
process loads neither gRPC nor torch; the engine's client is made inside the job. SIGTERM lets the running job finish
for WORKER_GRACE_SECONDS, then hands it back to the queue. Redis may go and come back.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from types import FrameType

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker.base import StopRequested

import service.completion.inpaint  # noqa: F401  # loaded once here rather than by every job
from service.jobs import redis_clients
from service.jobs.queue import INPAINTING, WEBHOOKS, open_queue
from service.jobs.recovery import enqueue_lost
from service.jobs.redis_state import Noted, look_blocking, reason
from service.jobs.store import in_own_loop
from service.settings import BadSettings, Settings, load_settings
from service.telemetry.logs import configure_logs
from service.version import version_line

REDIS_TRIES = 30  # a second each, at most
RECONNECT_SECONDS = 1.0
IDLE_SECONDS = 5  # the longest wait for a job before abandoned ones are looked for
TTL_ABOVE_IDLE_SECONDS = 15  # RQ's own
MISSED_HEARTBEATS = 3
WATCH_SECONDS = 0.5
LOOK_SECONDS = 10.0  # how often the state of Redis is looked at

logger = logging.getLogger(__name__)


class JobWorker(Worker):
    """RQ's forking worker. It ends when it is told to, and finds abandoned jobs sooner."""

    log_job_description = False
    log_result_lifespan = False
    max_connection_wait_time = 2.0

    def __init__(self, settings: Settings, connection: redis.Redis, stop: threading.Event, noted: Noted) -> None:
        super().__init__(
            [open_queue(connection)],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=IDLE_SECONDS + TTL_ABOVE_IDLE_SECONDS,
            maintenance_interval=IDLE_SECONDS,
            job_monitoring_interval=max(1, round(settings.jobs_heartbeat_seconds)),
        )
        self._settings = settings
        self._stop = stop
        self._noted, self._looked_seconds = noted, time.monotonic()

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """What the forked process does. A thread of it watches: the job may wait long for Redis."""
        threading.Thread(target=end_with, args=(self.pid,), daemon=True).start()
        super().main_work_horse(job, queue)

    def get_heartbeat_ttl(self, job: Job) -> int:
        """Seconds after which a running job without a heartbeat counts as abandoned."""
        return MISSED_HEARTBEATS * round(self._settings.jobs_heartbeat_seconds)

    def maintain_heartbeats(self, job: Job) -> None:
        """A job goes on while Redis is away."""
        try:
            super().maintain_heartbeats(job)
        except RedisError as error:
            logger.warning("no heartbeat for job %s: Redis: %s", job.id, reason(error))

    def run_maintenance_tasks(self) -> None:
        super().run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ's own, without types
        if time.monotonic() - self._looked_seconds >= LOOK_SECONDS:
            self._looked_seconds = time.monotonic()
            self._noted.note(look_blocking(self.connection))
        enqueue_lost(self.queues[0], self._settings)

    def check_for_suspension(self, burst: bool) -> None:
        """A signal may have come before RQ's own handlers were there."""
        if self._stop.is_set():
            raise StopRequested
        super().check_for_suspension(burst)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self._stop.set()
        if not self.horse_pid:  # nothing to save: do not wait for a Redis that may be gone
            self.connection.set_retry(Retry(NoBackoff(), 0))
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # as above

    def set_shutdown_requested_date(self) -> None:
        """Nothing reads it, and Redis may be gone already."""

    def handle_warm_shutdown_request(self) -> None:
        """The running job has its grace; then its process is ended, and RQ puts the job back at once."""
        timer = threading.Timer(self._settings.worker_grace_seconds, self._hand_back)
        timer.daemon = True
        timer.start()

    def _hand_back(self) -> None:
        if self.horse_pid:
            logger.warning("the running job is handed back to the queue")
            job_id = self.get_current_job_id()
            self.kill_horse()
            if job_id:
                in_own_loop(self._settings, lambda store: store.do_not_count(job_id))

    def leave(self) -> None:
        """Take the running process along, if there is one: its job is abandoned, and run again."""
        if self.horse_pid:
            self.kill_horse()
            self.wait_for_horse()


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 stopped on request, 2 a bad setting."""
    parser = argparse.ArgumentParser(prog="python -m service.worker", description="Run jobs, or deliver webhooks.")
    parser.add_argument("queue", nargs="?", choices=[INPAINTING, WEBHOOKS], default=INPAINTING)
    parser.add_argument("--version", action="version", version=version_line(parser.prog))
    name = parser.parse_args(arguments).queue
    try:
        settings = load_settings()
    except BadSettings as error:
        print(f"worker: {error}", file=sys.stderr, flush=True)
        return 2
    configure_logs(settings.log_level)
    logging.getLogger("rq.worker").setLevel(logging.WARNING)  # it would tell of its clean-up every second
    if name == WEBHOOKS:
        from service.jobs import deliveries  # a worker of jobs needs no HTTP client

        deliveries.serve(settings)
    else:
        serve(settings)
    return 0


def serve(settings: Settings) -> None:
    """Run jobs until told to stop; begin anew after whatever an absent Redis has broken."""
    stop, noted = threading.Event(), Noted()
    obey(stop)
    print(f"worker of the queue {INPAINTING} ready (process {os.getpid()})", flush=True)
    while not stop.is_set():
        connection = redis_clients.synchronous(settings.redis_url, tries=REDIS_TRIES)
        try:
            look_at(settings, noted)
            work(JobWorker(settings, connection, stop, noted))
        except RedisError as error:
            logger.warning("Redis cannot be used: %s", reason(error))
        finally:
            obey(stop)  # RQ has put its own handlers there
            connection.close()
        stop.wait(RECONNECT_SECONDS)


def look_at(settings: Settings, noted: Noted) -> None:
    """Say at once what is wrong with Redis: the worker itself tries for a while before it does."""
    with redis_clients.synchronous(settings.redis_url) as connection:
        noted.note(look_blocking(connection))


def end_with(worker_pid: int) -> None:
    """Kill this process once `worker_pid` is no longer its parent: the job is run again, nobody waits for this one."""
    while os.getppid() == worker_pid:
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def obey(stop: threading.Event) -> None:
    """Let SIGTERM and SIGINT set `stop`."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def work(worker: JobWorker) -> None:
    """Until it is told to stop, or Redis has been away for too long."""
    try:
        worker.work()
    finally:
        worker.leave()


if __name__ == "__main__":
    sys.exit(main())
