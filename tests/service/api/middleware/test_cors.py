from __future__ import annotations

import httpx
import pytest

from tests.service.api.conftest import Served
from tests.service.api.test_problems import assert_problem

PAGE = "https://app.example"
PREFLIGHT = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}


async def test_by_default_no_page_of_another_origin_may_call(client: httpx.AsyncClient) -> None:
    response = await client.get("/limits", headers={"origin": PAGE})
    assert not [name for name in response.headers if name.startswith("access-control")]
    assert_problem(await client.options("/inpaint", headers=PREFLIGHT), 405, "method_not_allowed")


async def test_a_named_origin_may_call_and_read_the_headers(served: Served, files: dict) -> None:
    async with served(cors_origins=(PAGE,)) as client:
        preflight = await client.options("/inpaint", headers=PREFLIGHT)
        response = await client.post("/inpaint", files=files, headers={"origin": PAGE})
    assert preflight.status_code == 200
    assert "x-api-key" in preflight.headers["access-control-allow-headers"].lower()
    assert response.headers["access-control-allow-origin"] == PAGE
    assert "X-Request-Id" in response.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize(
    "other",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"{PAGE}.evil.example"},
        {"access-control-request-method": "PUT"},
        {"access-control-request-headers": "x-surprise"},
    ],
)
async def test_another_preflight_is_refused_as_a_problem(served: Served, other: dict[str, str]) -> None:
    async with served(cors_origins=(PAGE,)) as client:
        response = await client.options("/inpaint", headers=PREFLIGHT | other)
    assert_problem(response, 400, "origin_not_allowed")


async def test_a_preflight_needs_no_key(served: Served) -> None:
    async with served(cors_origins=(PAGE,), api_keys="a:" + "0" * 64 + ":inpaint") as client:
        assert (await client.options("/inpaint", headers=PREFLIGHT)).status_code == 200
