from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.app import GUNICORN_GIVES_UP, TYPE_THIS, build, create_app
from tests.contract.engines import ROOT
from tests.fakes.engine import FakeEngine
from tests.fakes.http import http
from tests.fakes.ports import free_port
from tests.fakes.server import settings
from tests.fakes.waiting import until

NO_TORCH = """
import sys
from service.app import create_app
from service.settings import Settings
create_app(Settings(_env_file=None)).openapi()
heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "lightning", "training"})
print(heavy or "light")
"""


def test_importing_and_making_the_application_loads_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", NO_TORCH], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "light"


async def test_without_an_engine_given_the_one_at_engine_url_is_used_and_closed() -> None:
    app = create_app(settings(engine_url="127.0.0.1:1"))
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["code"]) == (503, "engine_unavailable")


async def test_an_application_can_be_started_again() -> None:
    app = create_app(settings(), FakeEngine())
    for _ in range(2):
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as web:
            assert (await web.get("/readyz")).status_code == 200


@pytest.fixture
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_logs_as_before")
def test_the_factory_reads_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("MAX_BODY_BYTES", "4096")
    bounds = [middleware.args for middleware in build().user_middleware if 4096 in middleware.args]
    assert bounds == [(4096, 30.0)]


@pytest.mark.parametrize("code", ["from service.app import app", "import uvicorn; uvicorn.main(['service.app:app'])"])
def test_what_people_type_by_habit_says_in_one_line_what_to_type(code: str) -> None:
    """gunicorn imports the application as the first one does, and gives up at this exit status."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (GUNICORN_GIVES_UP, f"{TYPE_THIS}\n")
    assert "`python -m service`" in TYPE_THIS


def test_another_name_is_missing_as_ever() -> None:
    with pytest.raises(ImportError, match="cannot import name 'application'"):
        exec("from service.app import application")


def test_the_factory_logs_as_the_service_does_and_tells_a_bad_setting_in_one_line(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "service.app:build", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    bad = subprocess.run(
        command, cwd=tmp_path, env=environment | {"MAX_FACES": "0"}, capture_output=True, text=True, timeout=60
    )
    assert bad.returncode == 1
    assert bad.stderr.startswith("service: Bad setting MAX_FACES: ")
    assert bad.stderr.count("\n") == 1
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}"), "the service")
        assert http.get(f"http://127.0.0.1:{port}/limits").status_code == 200
    finally:
        process.terminate()
        _, told = process.communicate(timeout=30)
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert "GET /limits 200" in [line["message"] for line in lines]
    assert any("MAX_CONNECTIONS" in line["message"] for line in lines)
    assert "GET /limits HTTP/1.1" not in told, "uvicorn's own line"


def answers(url: str) -> bool:
    try:
        return http.get(f"{url}/livez").status_code == 200
    except httpx.TransportError:
        return False
