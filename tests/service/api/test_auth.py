from __future__ import annotations

import json
import logging

import httpx
import pytest
from fastapi import Request

from service.api.auth import Caller
from service.api.dependencies import caller_of, needs
from service.app import create_app
from service.keys import make_key
from service.telemetry.logs import REQUEST_LOGGER, JsonLines
from tests.fakes.engine import FakeEngine
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings
from tests.service.api.conftest import Served
from tests.service.api.test_problems import assert_problem

PAINTER, PAINTER_ENTRY = make_key("painter", frozenset({"inpaint"}))
OPERATOR, OPERATOR_ENTRY = make_key("operator", frozenset({"metrics", "analysis"}))
KEYS = f"{PAINTER_ENTRY} {OPERATOR_ENTRY}"
OPEN_PATHS = ["/livez", "/readyz", "/startupz", "/healthz", "/docs", "/openapi.json", "/", "/web/main.js"]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize("headers", [bearer(PAINTER), {"x-api-key": PAINTER}, {"authorization": f"bearer {PAINTER}"}])
async def test_a_key_opens_in_either_header(served: Served, files: dict, headers: dict[str, str]) -> None:
    async with served(api_keys=KEYS) as client:
        assert (await client.post("/inpaint", files=files, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "key_missing"),
        ({"authorization": "Basic cGFpbnRlcjp4"}, "key_missing"),
        ({"authorization": "Bearer"}, "key_missing"),
        ({"x-api-key": ""}, "key_missing"),
        (bearer(PAINTER[:-1]), "bad_key"),
        (bearer("nobody.secret"), "bad_key"),
        ({"x-api-key": str(PAINTER_ENTRY)}, "bad_key"),
        ({"x-api-key": "\xff"}, "bad_key"),
        (bearer(OPERATOR), "scope_missing"),
    ],
)
async def test_without_a_fitting_key_it_is_401_with_a_challenge(
    served: Served, engine: FakeEngine, files: dict, headers: dict[str, str], code: str
) -> None:
    async with served(api_keys=KEYS) as client:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        response = await client.post("/inpaint", files=files, headers=raw)
    assert_problem(response, 401, code)
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert PAINTER not in response.text
    assert not engine.calls


async def test_a_missing_scope_is_named_to_the_owner_of_the_key(served: Served) -> None:
    async with served(api_keys=KEYS) as client:
        response = await client.get("/metrics", headers=bearer(PAINTER))
    assert_problem(response, 401, "scope_missing")
    assert response.json()["errors"] == [{"scope": "metrics", "allowed": ["inpaint"]}]
    assert response.json()["detail"] == "The key 'painter' has no scope 'metrics', which GET /metrics needs."
    assert response.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'


async def test_a_refusal_names_the_route_that_was_asked(served: Served, files: dict) -> None:
    async with served(api_keys=KEYS) as client:
        for path in ("/parsing", "/landmarks"):
            response = await client.post(path, files=files, headers=bearer(PAINTER))
            assert response.json()["detail"].endswith(f"which POST {path} needs.")
        for path in ("/jobs", "/jobs/abc"):
            response = await client.get(path, headers=bearer(PAINTER))
            assert response.json()["detail"].endswith("needs.")
            assert "GET /jobs" in response.json()["detail"]


async def test_the_body_of_a_stranger_is_not_parsed(served: Served) -> None:
    async with served(api_keys=KEYS, max_body_bytes=1024) as client:
        response = await client.post("/inpaint", content=b"x" * 2048)
    assert_problem(response, 401, "key_missing")


async def test_every_route_but_the_probes_and_the_documentation_needs_a_key(served: Served) -> None:
    app = create_app(settings(api_keys=KEYS), FakeEngine())
    paths = app.openapi()["paths"]
    closed = {path for path, item in paths.items() for operation in item.values() if "security" in operation}
    assert set(paths) - closed == set(OPEN_PATHS) & set(paths)
    async with served(api_keys=KEYS) as client:
        for path in OPEN_PATHS:
            assert (await client.get(path)).status_code == 200
        for path in closed:
            method = next(iter(paths[path]))
            assert_problem(await client.request(method.upper(), path.format(name="x", id="x")), 401, "key_missing")


async def test_metrics_need_their_scope_unless_they_are_opened(served: Served) -> None:
    async with served(api_keys=KEYS) as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers=bearer(OPERATOR))).status_code == 200
    async with served(api_keys=KEYS, open_metrics=True) as client:
        assert (await client.get("/metrics")).status_code == 200


async def test_any_key_may_read_the_catalogue(client: httpx.AsyncClient, served: Served) -> None:
    assert (await client.get("/limits")).status_code == 200
    async with served(api_keys=KEYS) as client:
        assert (await client.get("/limits", headers=bearer(OPERATOR))).status_code == 200


@pytest.mark.parametrize(
    ("keys", "key", "principal"),
    [(KEYS, PAINTER, "painter"), ("", PAINTER, None), ("", "", None)],
    ids=["known", "needless", "none"],
)
async def test_the_log_names_the_key_and_never_shows_it(
    served: Served, caplog: pytest.LogCaptureFixture, keys: str, key: str, principal: str | None
) -> None:
    caplog.set_level(logging.INFO, REQUEST_LOGGER.name)
    async with served(api_keys=keys) as client:
        assert (await client.get("/limits", headers=bearer(key))).status_code == 200
    line = json.loads(JsonLines().format(caplog.records[-1]))
    assert line.get("principal") == principal
    assert PAINTER not in caplog.text


async def who(request: Request) -> str:
    return caller_of(request).principal


@pytest.mark.parametrize(
    ("address", "namespace"),
    [
        ("192.0.2.7", "anonymous:192.0.2.7"),
        ("::ffff:192.0.2.7", "anonymous:192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "anonymous:2001:db8:1:2::"),
        ("", "anonymous:"),
    ],
)
def test_anonymous_callers_are_told_apart_by_their_network(address: str, namespace: str) -> None:
    assert Caller(None, address).namespace == namespace


async def test_anonymous_callers_have_a_rate_each(redis_server: RedisServer) -> None:
    app = create_app(settings(redis_url=redis_server.url, rate_limit="2/60"), FakeEngine())
    async with app.router.lifespan_context(app):
        for address in ("192.0.2.1", "192.0.2.2"):
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
                assert [(await client.post("/inpaint")).status_code for _ in range(3)] == [400, 400, 429]


@pytest.mark.parametrize(("keys", "principal"), [(KEYS, "painter"), ("", "anonymous")])
async def test_the_principal_is_the_id_of_the_key_or_anonymous(keys: str, principal: str) -> None:
    app = create_app(settings(api_keys=keys), FakeEngine())
    app.add_api_route("/who", who, dependencies=[needs("inpaint")])
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        assert (await client.get("/who", headers=bearer(PAINTER))).json() == principal
