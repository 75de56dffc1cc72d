from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from service.app import build, create_app
from tests.fakes.engine import FakeEngine
from tests.fakes.server import settings

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


def test_the_factory_reads_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("MAX_BODY_BYTES", "4096")
    bounds = [middleware.args for middleware in build().user_middleware if 4096 in middleware.args]
    assert bounds == [(4096, 30.0)]
