from __future__ import annotations

import httpx
import pytest

from service.api.forms import InpaintForm
from tests.fakes.redis_server import RedisServer
from tests.service.api.conftest import Served
from tests.service.api.test_problems import assert_problem


@pytest.mark.parametrize("path", ["/limits", "/models", "/models/lafin", "/jobs", "/jobs/" + "0" * 32])
async def test_what_no_route_knows_is_refused_by_name(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path, params={"verbos": "1"})
    assert_problem(response, 422, "unknown_parameter")
    assert response.json()["detail"].startswith("There is no query parameter 'verbos'.")
    assert response.json()["errors"][0]["parameter"] == "verbos"


@pytest.mark.parametrize("field", InpaintForm.model_fields)
async def test_a_field_of_the_form_is_not_ignored_in_the_url(
    client: httpx.AsyncClient, files: dict, field: str
) -> None:
    for path in ("/inpaint", "/jobs", "/landmarks", "/parsing"):
        response = await client.post(path, params={field: "1"}, files=files)
        assert_problem(response, 422, "unknown_parameter")
        assert "go into the body" in response.json()["detail"]


async def test_a_slip_is_told_what_is_meant(client: httpx.AsyncClient) -> None:
    response = await client.get("/jobs/" + "0" * 32, params={"wiat": "30"})
    assert (response.json()["detail"], response.json()["errors"]) == (
        "There is no query parameter 'wiat'. Did you mean 'wait'?",
        [{"parameter": "wiat", "allowed": ["wait"]}],
    )


@pytest.mark.parametrize("seconds", ["inf", "nan", "-inf", "1e999"])
async def test_no_wait_is_without_end(served: Served, redis_server: RedisServer, files: dict, seconds: str) -> None:
    async with served(redis_url=redis_server.url) as client:
        job = (await client.post("/jobs", files=files)).json()
        assert_problem(await client.get(f"/jobs/{job['id']}", params={"wait": seconds}), 422, "bad_field")


async def test_what_is_sent_is_not_repeated(client: httpx.AsyncClient) -> None:
    response = await client.get("/limits", params={"<script>": "a face", "x" * 500: ""})
    assert "script" not in response.text
    assert "a face" not in response.text
    assert "xxx" not in response.text


async def test_a_key_is_asked_for_first_and_probes_may_be_asked_in_any_way(served: Served) -> None:
    async with served(api_keys="mobile:" + "a" * 64 + ":inpaint") as client:
        assert_problem(await client.get("/limits?verbos=1"), 401, "key_missing")
        assert (await client.get("/livez?verbose")).status_code == 200
