from __future__ import annotations

import httpx
import pytest

from service.errors import (
    DeadlineExceeded,
    EngineContractBroken,
    EngineGarbage,
    EngineQueueFull,
    EngineUnavailable,
    ServiceError,
)
from tests.fakes.engine import FakeEngine
from tests.service.api.conftest import framed

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == MEMBERS
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:inpaint:problem:{code}")
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["instance"].endswith(body["request_id"])
    assert ("retry-after" in response.headers) == (status in (429, 503))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (EngineContractBroken("x"), 500, "engine_contract_broken"),
        (EngineGarbage("x"), 502, "engine_garbage"),
        (EngineUnavailable("x", retry_after_seconds=0.2), 503, "engine_unavailable"),
        (EngineQueueFull("x"), 503, "engine_queue_full"),
        (DeadlineExceeded("x"), 504, "deadline_exceeded"),
    ],
)
async def test_errors_of_the_engine(
    client: httpx.AsyncClient, engine: FakeEngine, files: dict, error: ServiceError, status: int, code: str
) -> None:
    files = framed(files)
    engine.error = error
    response = await client.post("/inpaint", files=files)
    assert_problem(response, status, code)
    if status == 503:
        assert response.headers["retry-after"] == "1"


async def test_errors_of_the_framework(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/nowhere"), 404, "not_found")
    response = await client.get("/inpaint")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    response = await client.put("/jobs")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET, HEAD, POST"


async def test_errors_of_the_caller(client: httpx.AsyncClient, files: dict) -> None:
    no_image = {**files, "image": ("a.png", b"GIF89a", "image/png")}
    assert_problem(await client.post("/inpaint"), 400, "broken_upload")
    assert_problem(await client.post("/inpaint", files=files, data={"model": "gan"}), 404, "unknown_model")
    assert_problem(await client.post("/inpaint", files=files, headers={"accept": "text/html"}), 406, "not_acceptable")
    assert_problem(await client.post("/inpaint", files=no_image), 415, "unsupported_image")
    assert_problem(await client.post("/inpaint", files=files, data={"landmarks": "[]"}), 422, "bad_landmarks")
