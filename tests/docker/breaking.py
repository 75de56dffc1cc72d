"""What becomes of requests and jobs while things are killed. Each returns a line with what was seen."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import httpx

from service.client import Client
from service.errors import ServiceError
from tests.docker.checks import form
from tests.docker.stack import OURS, PROJECT, URL, Stack, samples, wait_until

CLIENTS = 2
TIMEOUT_SECONDS = 600.0
PAUSE_SECONDS = 0.2
MOST_JOBS = 5
FIRING_SECONDS = 400.0


class Traffic:
    """Requests and jobs all the time. While something is away, requests may be refused with an error that says that
    they may be sent again (the client has done so for a while); none may fail otherwise, and no accepted job at all."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._over = stack, threading.Event()
        self.answers, self.refused, self.accepted, self.failures = 0, 0, list[str](), list[str]()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CLIENTS)]
        self._threads.append(threading.Thread(target=self._submit, daemon=True))

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS)

    def _ask(self) -> None:
        image, mask = samples()
        with Client(URL, key=self._stack.key(), timeout_seconds=TIMEOUT_SECONDS) as client:
            while not self._over.is_set():
                try:
                    client.inpaint(image, mask)
                    self.answers += 1
                except ServiceError as error:
                    self.refused += 1
                    self.failures += [] if error.retryable else [repr(error)]
                except Exception as error:
                    self.failures.append(repr(error))
                time.sleep(PAUSE_SECONDS)

    def _submit(self) -> None:
        """Refusals are fine while something is away: what counts is what was accepted."""
        while not self._over.is_set() and len(self.accepted) < MOST_JOBS:
            try:
                sent = httpx.post(
                    f"{URL}/jobs", headers=self._stack.headers(), files=form(), trust_env=False, timeout=60
                )
                if sent.status_code == 202:
                    self.accepted.append(sent.json()["id"])
            except httpx.TransportError:
                pass
            time.sleep(4)

    def settle(self) -> str:
        """After the end: every accepted job has succeeded, no request has failed."""
        assert not self.failures, self.failures[:3]
        assert self.answers, "no request was answered"
        assert self.accepted, "no job was accepted"
        for job_id in self.accepted:
            wait_until(lambda one=job_id: state(self._stack, one) == "succeeded", f"job {job_id}")  # type: ignore[misc]  # bound at once
        answered = f"{self.answers} requests answered, {self.refused} refused for a while"
        return f"{answered}, {len(self.accepted)} jobs accepted and done, none lost"


def state(stack: Stack, job_id: str) -> str:
    answer = stack.get(f"/jobs/{job_id}?wait=10")
    assert answer.status_code != 404, f"{job_id} is unknown"
    found = str(answer.json().get("state"))
    assert found not in ("failed", "expired", "canceled"), answer.text
    return found


def killed(stack: Stack, service: str) -> str:
    """kill -9 under requests; everything comes back by itself."""
    before = {one["Id"]: one["State"]["Pid"] for one in stack.containers(service)}
    with Traffic(stack) as traffic:
        wait_until(lambda: traffic.answers >= 2 and traffic.accepted, "traffic")
        stack.kill(service)
        wait_until(
            lambda: {one["Id"]: one["State"]["Pid"] for one in stack.containers(service)} not in (before, {}),
            "the restart",
        )
        seconds = wait_until(stack.is_whole, "recovery")
        seen = traffic.answers
        wait_until(lambda: traffic.answers >= seen + 2, "answers afterwards")
    return f"whole again after {seconds:.0f} s; {traffic.settle()}"


def dead_engine_alert(stack: Stack) -> str:
    """An engine that stays away is told by Prometheus."""
    engine = stack.containers("engine")[0]["Id"]
    stack.machine.run("docker", "stop", engine)
    seconds = wait_until(
        lambda: stack.query('ALERTS{alertname="EngineDown", alertstate="firing"}'), "the alert", FIRING_SECONDS
    )
    stack.machine.run("docker", "start", engine)
    wait_until(stack.is_whole, "recovery")
    wait_until(lambda: not stack.query('ALERTS{alertname="EngineDown", alertstate="firing"}'), "the end of the alert")
    return f"EngineDown fires after {seconds:.0f} s, and ends when the engine is back"


def restarted_daemon(stack: Stack) -> str:
    """Docker itself goes and comes back; jobs that were accepted are done."""
    accepted = []
    for _ in range(3):
        sent = httpx.post(f"{URL}/jobs", headers=stack.headers(), files=form(), trust_env=False, timeout=60)
        assert sent.status_code == 202, sent.text
        accepted.append(sent.json()["id"])
    stack.machine.stop()
    stack.machine.start()
    seconds = wait_until(stack.is_whole, "recovery")
    for job_id in accepted:
        wait_until(lambda one=job_id: state(stack, one) == "succeeded", f"job {job_id}")  # type: ignore[misc]  # bound at once
    return f"whole again after {seconds:.0f} s, {len(accepted)} jobs done"


def stopped_in_time(stack: Stack) -> str:
    """SIGTERM reaches every program, and each ends by itself, well before Docker's patience does."""
    told = []
    for service in OURS:
        container = stack.containers(service)[0]["Id"]
        begin = time.monotonic()
        stack.machine.run("docker", "stop", "--time", "60", container)
        seconds = time.monotonic() - begin
        (ended,) = [one for one in stack.containers(service, stopped=True) if one["Id"] == container]
        assert ended["State"]["ExitCode"] == 0, (service, ended["State"])
        assert seconds < 40, (service, seconds)
        told.append(f"{service} {seconds:.1f} s")
    return ", ".join(told)


def nothing_left(stack: Stack) -> str:
    """`make down` leaves volumes alone, and nothing else."""
    stack.deploy("down")
    mine = f"label=com.docker.compose.project={PROJECT}"
    assert stack.containers(stopped=True) == []
    assert not stack.machine.run("docker", "network", "ls", "--quiet", "--filter", mine).split()
    volumes = stack.machine.run("docker", "volume", "ls", "--quiet", "--filter", mine).split()
    assert sorted(volumes) == [f"{PROJECT}_prometheus", f"{PROJECT}_redis"], volumes
    stack.machine.run("docker", "volume", "rm", *volumes)
    return f"volumes {', '.join(volumes)}, removed by this test"
