"""The service as processes of their own, so that each can be killed and come back while the others go on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import TracebackType

import httpx
import psutil

from tests.contract.engines import ROOT, EngineProcess, launch_embedded
from tests.fakes.http import http
from tests.fakes.ports import free_port
from tests.fakes.redis_server import RedisServer

START_SECONDS = 120.0
SAMPLE_SECONDS = 0.05
SMALL_FILE_BYTES = 1_000_000  # what a file may hold while the spool is full
QUICK = {"JOBS_HEARTBEAT_SECONDS": "1", "WORKER_GRACE_SECONDS": "5", "JOBS_MAX_TRIES": "5"}


class Apart:
    """Entering starts Redis, the engine, a worker and the API in `folder`; leaving ends them."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self._repository, self._folder = repository, folder
        (folder / "redis").mkdir()
        self.redis = RedisServer(folder / "redis")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.peak_bytes: dict[str, int] = defaultdict(int)
        self._minutes: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)  # samples of each, and their sum
        self._began = time.monotonic()
        self.engine: EngineProcess | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Apart:
        try:
            self.redis.start()
            self.start_engine()
            self._start("worker", "service.worker", "inpaint")
            self._start("api", "service")
            self._wait_until_ready()
        except BaseException:
            self.end()
            raise
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        self._over.set()
        for name in ("api", "worker"):
            if name in self._processes:
                self.kill(name)
        if self.engine is not None:
            self.engine.kill()
        self.redis.kill()

    def kill(self, name: str) -> None:
        """SIGKILL; a worker's job processes notice by themselves that they are alone."""
        self._processes[name].kill()
        self._processes[name].wait(10)

    def kill_job(self) -> bool:
        """SIGKILL to the process of the running job, if there is one."""
        children = psutil.Process(self._processes["worker"].pid).children()
        for child in children:
            child.kill()
        return bool(children)

    def start_engine(self) -> None:
        port = int(self.engine.port) if self.engine else None
        self.engine = launch_embedded(self._repository, self._folder, port)
        self.engine.wait_until_ready()

    def start_worker(self) -> None:
        self._start("worker", "service.worker", "inpaint")

    def fill_spool(self, full: bool) -> None:
        """No file of the API may grow beyond a megabyte, as if its disk were full; or as before."""
        limit = SMALL_FILE_BYTES if full else resource.RLIM_INFINITY
        psutil.Process(self._processes["api"].pid).rlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def _start(self, name: str, *module: str) -> None:
        assert self.engine is not None
        environment = {
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "ENGINE_URL": self.engine.url,
            "REDIS_URL": self.redis.url,
            "PORT": self.url.rpartition(":")[2],
            **QUICK,
        }
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=self._folder,
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                if http.get(f"{self.url}/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, f"not ready; see the logs in {self._folder}"
            time.sleep(0.1)

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            for name, process in self._roles():
                try:
                    size_bytes = process.memory_info().rss
                except psutil.Error:
                    continue  # it has just ended
                self.peak_bytes[name] = max(self.peak_bytes[name], size_bytes)
                minute = int((time.monotonic() - self._began) // 60)
                samples, total = self._minutes[name].get(minute, (0, 0))
                self._minutes[name][minute] = samples + 1, total + size_bytes

    def first_and_last(self) -> list[tuple[str, float, float]]:
        """The mean size of each process in its first minute and in its last, bytes."""
        found = []
        for name, minutes in sorted(self._minutes.items()):
            first, last = (minutes[pick(minutes)] for pick in (min, max))
            found.append((name, first[1] / first[0], last[1] / last[0]))
        return found

    def _roles(self) -> list[tuple[str, psutil.Process]]:
        """Every process that runs now, by what it is for."""
        engine = self.engine.process.pid if self.engine else None
        known = {name: process.pid for name, process in self._processes.items()}
        found = []
        for name, pid in {**known, "engine": engine, "redis": self.redis.pid}.items():
            try:
                process = psutil.Process(pid) if pid else None
                jobs = process.children() if process and name == "worker" else []
            except psutil.Error:
                continue
            found += [(name, process)] if process else []
            found += [("job", job) for job in jobs]
        return found
