"""The service as `make serve` starts it, on free ports, seen from outside: its address, its memory, its end."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

import psutil

from tests.fakes.ports import free_port

ROOT = Path(__file__).parents[2]
OTHERS = ("ENGINE_URL", "REDIS_URL", "REDIS_URL_FILE")
READY = re.compile(r"answers on (http://\S+)")


class Stack:
    """`python -m deploy.serve` over `repository`. Entering it waits for the ready line, leaving it ends everything."""

    def __init__(self, repository: Path, *, start_seconds: float = 180, **settings: str) -> None:
        self.engine_url = f"127.0.0.1:{free_port()}"
        self._start_seconds = start_seconds
        self._redis_folder = tempfile.TemporaryDirectory()
        self._environment = os.environ | {
            "MODEL_REPOSITORY": str(repository.resolve()),
            "PORT": str(free_port()),
            "ENGINE_PORT": self.engine_url.rpartition(":")[2],
            "REDIS_PORT": str(free_port()),
            "REDIS_FOLDER": self._redis_folder.name,
            **settings,
        }
        self.lines: list[str] = []

    def __enter__(self) -> Stack:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.serve"],
            cwd=ROOT,
            env={name: value for name, value in self._environment.items() if name not in OTHERS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        addresses: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(addresses,), daemon=True).start()
        begin = time.monotonic()
        try:
            address = addresses.get(timeout=self._start_seconds)
        except queue.Empty:
            address = None
        if address is None:
            self.stop()
            raise RuntimeError("the service did not start:\n" + "".join(self.lines))
        self.address = address
        self.seconds_to_ready = time.monotonic() - begin
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self, addresses: queue.Queue[str | None]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            if found := READY.search(line):
                addresses.put(found[1])
        addresses.put(None)

    @property
    def redis_folder(self) -> Path:
        """Where its Redis keeps its data; there as long as this object is."""
        return Path(self._redis_folder.name)

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        supervisor = psutil.Process(self._process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def resident_bytes(self) -> int:
        """Resident memory of all processes together; pages that they share count once for each."""
        return sum(process.memory_info().rss for process in self.processes())

    def stop(self) -> int:
        """End everything as Ctrl-C does; return the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """The exit code, once the supervisor has ended."""
        return self._process.wait(timeout=60)
