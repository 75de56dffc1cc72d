"""A real redis-server on a free port: for tests that need one, or need it to come and go."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import redis

from service.embedded.redis_server import arguments, executable
from tests.fakes.ports import free_port
from tests.fakes.waiting import PATIENCE_SECONDS


class RedisServer:
    """Entering starts it; `kill` and `start` take it away and bring it back at the same address.

    With a folder it is what `make serve` runs and comes back with its data; without one nothing is kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Returns when it answers."""
        assert self._process is None
        command = arguments(executable(), self.port, self.folder or Path(tempfile.gettempdir()))
        if self.folder is None:
            command += ["--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end_seconds = time.monotonic() + PATIENCE_SECONDS
        with redis.Redis(port=self.port) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    assert time.monotonic() < end_seconds, "redis-server did not start"
                    time.sleep(0.02)

    def kill(self) -> None:
        """At once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process else None

    @contextmanager
    def without_memory(self) -> Iterator[None]:
        """Redis is at its `maxmemory` while the block runs, as in production: what is there stays there."""
        with self.client() as client:
            client.config_set("maxmemory", client.info("memory")["used_memory"] - 100_000)
            try:
                yield
            finally:
                client.config_set("maxmemory", 0)

    def client(self) -> redis.Redis:
        """To look inside."""
        return redis.Redis(port=self.port)
