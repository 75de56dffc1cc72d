"""The health checks of containers, against what they look at."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from service import health
from service.embedded.engine import EmbeddedEngine
from service.embedded.server import start
from tests.fakes.ports import free_port
from tests.fakes.redis_server import RedisServer
from tests.fakes.waiting import until
from tests.service.embedded.models import write_repository

ROOT = Path(__file__).parents[2]


@contextmanager
def answering(status: int) -> Iterator[int]:
    """The port of an API that answers every probe so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/startupz"
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(200) as port:
        assert health.main(["api", "--port", str(port)]) == 0
    with answering(503) as port:
        assert health.main(["api", "--port", str(port)]) == 1
    assert health.main(["api", "--port", str(free_port())]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "the API has started"
    assert said[1] == "unwell: /startupz answers 503: the engine has not been ready yet"
    assert said[2].startswith("unwell: no answer on port")


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
async def test_the_engine(tmp_path: Path) -> None:
    import asyncio

    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    server, port = await start(engine, "127.0.0.1", 0)
    try:
        with pytest.raises(health.Unwell, match="still loads"):
            await asyncio.to_thread(health.check_engine, port)
        await engine.load()
        assert await asyncio.to_thread(health.check_engine, port) == "the engine is ready"
    finally:
        await server.stop(0)
    with pytest.raises(health.Unwell, match="UNAVAILABLE"):
        await asyncio.to_thread(health.check_engine, port)


@pytest.mark.parametrize("queue", ["inpaint", "webhooks"])
def test_a_real_worker(queue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alive by its own signs; not under another host's name; and nothing is said against it while Redis is away."""
    with RedisServer(tmp_path) as redis:
        monkeypatch.setenv("REDIS_URL", redis.url)
        with pytest.raises(health.Unwell, match="no worker of the queue"):
            health.check_worker(queue, socket.gethostname())
        worker = subprocess.Popen([sys.executable, "-m", "service.worker", queue], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            until(lambda: health.main([queue]) == 0, "a sign of life")
            with pytest.raises(health.Unwell):
                health.check_worker(queue, "another")
        finally:
            worker.terminate()
            worker.wait(30)
    assert "nothing is known" in health.check_worker(queue, socket.gethostname())


def test_it_loads_little() -> None:
    """A container starts it every few seconds."""
    code = (
        "import sys, service.health\n"
        "sys.exit(' '.join({'grpc', 'redis', 'pydantic', 'fastapi'} & sys.modules.keys()) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0
