"""The whole service under a prefix, behind every proxy there is, which takes the prefix off or leaves it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest

from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import running
from tests.service.api.conftest import form_files, framed
from tests.service.proxies.serving import PREFIX, PROXIES

BEHIND = {"trusted_proxies": ("127.0.0.1",)}
BROWSER = "203.0.113.9"
FORM = framed(form_files(png(scene()), png(box_mask())))
Behind = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture(params=[(name, strips) for name in PROXIES for strips in (True, False)], ids=str)
def behind(request: pytest.FixtureRequest, redis_server: RedisServer) -> Behind:
    """behind(setting=...) opens a client of a service with these settings behind the proxy."""
    name, strips = request.param

    @contextmanager
    def opened(**settings: object) -> Iterator[httpx.Client]:
        options = {"redis_url": redis_server.url, "root_path": PREFIX, **settings}
        with (
            running(FakeEngine(), **options) as service,
            PROXIES[name](service, strips) as url,
            httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
        ):
            yield client

    return opened


def origin(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/").removesuffix(PREFIX)


def test_every_page_and_its_parts_are_found(behind: Behind) -> None:
    with behind(**BEHIND) as client:
        start = client.get("/")
        assert f'<base href="{PREFIX}/">' in start.text
        assert "script-src 'self'" in start.headers["content-security-policy"]
        assert client.get("/web/main.js").headers["content-type"].startswith("text/javascript")
        page = client.get("/docs")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        parts = re.findall(r"""(?:src|href|url)[=:]\s*['"](/[^'"]+)['"]""", page.text)
        assert len(parts) == 4
        for part in parts:
            assert client.get(origin(client) + part).status_code == 200, part
        assert client.get("/openapi.json").json()["servers"] == [{"url": PREFIX}]
        assert client.get("/readyz").status_code == 200
        assert client.post("/inpaint", files=FORM).headers["content-type"] == "image/png"


def test_links_lead_through_the_proxy(behind: Behind, redis_server: RedisServer) -> None:
    with behind(**BEHIND) as client:
        answer = client.post("/jobs", files=FORM)
        where = answer.headers["location"]
        assert where == answer.json()["url"] == f"{PREFIX}/jobs/{answer.json()['id']}"
        assert client.get(origin(client) + where).json()["url"] == where
        assert client.delete(origin(client) + where).json()["url"] == where
        with redis_server.client() as redis:
            kept = redis.hget(f"inpaint:job:{answer.json()['id']}", "base_url").decode()
        assert kept == str(client.base_url).rstrip("/").replace("http://", "https://"), "what a webhook begins with"


def test_a_public_url_stands_in_every_link(behind: Behind, redis_server: RedisServer) -> None:
    public = f"https://pictures.example{PREFIX}"
    with behind(public_url=public, root_path="") as client:
        answer = client.post("/jobs", files=FORM)
        assert answer.headers["location"] == answer.json()["url"] == f"{public}/jobs/{answer.json()['id']}"
        with redis_server.client() as redis:
            assert redis.hget(f"inpaint:job:{answer.json()['id']}", "base_url").decode() == public
        assert client.get("/openapi.json").json()["servers"] == [{"url": PREFIX}]


def test_probes_under_the_prefix_are_probes(behind: Behind, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "service.request")
    with behind(**BEHIND) as client:
        client.get("/livez")
    levels = {record.levelname for record in caplog.records if record.getMessage() == "GET /livez 200"}
    assert levels == {"DEBUG"}


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({**BEHIND, "log_client_address": True}, BROWSER),
        ({"trusted_proxies": ("127.0.0.0/8",), "log_client_address": True}, BROWSER),
        ({"trusted_proxies": ("10.0.0.7",), "log_client_address": True}, "127.0.0.1"),
        ({"log_client_address": True}, "127.0.0.1"),
        (BEHIND, None),
    ],
)
def test_the_address_of_a_client_is_logged_when_asked_for_and_believed_from_named_proxies(
    behind: Behind, caplog: pytest.LogCaptureFixture, settings: dict, address: str | None
) -> None:
    caplog.set_level(logging.INFO, "service.request")
    with behind(**settings) as client:
        client.get("/limits", headers={"X-Forwarded-For": BROWSER})
    (fields,) = [record.fields for record in caplog.records if record.getMessage() == "GET /limits 200"]
    assert fields.get("client_address") == address
    assert address == BROWSER or BROWSER not in str(fields)
