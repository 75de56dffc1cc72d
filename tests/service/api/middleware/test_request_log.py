from __future__ import annotations

import json
import logging

import httpx
import pytest

from service.telemetry.logs import REQUEST_LOGGER, JsonLines
from tests.fakes.engine import FakeEngine
from tests.service.api.conftest import framed


async def test_every_answer_carries_the_common_headers(client: httpx.AsyncClient, files: dict) -> None:
    for response in (
        await client.get("/livez"),
        await client.get("/nowhere"),
        await client.post("/inpaint", files=files),
        await client.post("/inpaint"),
    ):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert len(response.headers["x-request-id"]) == 32


async def test_a_sane_request_id_is_echoed_also_in_problems(client: httpx.AsyncClient) -> None:
    response = await client.get("/nowhere", headers={"x-request-id": "order-66.b"})
    assert response.headers["x-request-id"] == "order-66.b"
    assert response.json()["request_id"] == "order-66.b"


@pytest.mark.parametrize("given", ["a b", "x" * 129, "<b>", "{}"])
async def test_another_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/livez", headers={"x-request-id": given})
    assert response.headers["x-request-id"] != given


async def test_the_unexpected_is_a_plain_500_that_says_nothing(
    client: httpx.AsyncClient, engine: FakeEngine, files: dict, caplog: pytest.LogCaptureFixture
) -> None:
    files = framed(files)
    engine.crash = ZeroDivisionError("a secret in the text")
    response = await client.post("/inpaint", files=files)
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    assert any(record.exc_info and "unexpected" in record.message for record in caplog.records)


async def test_a_request_is_one_json_line_without_file_names(
    client: httpx.AsyncClient, files: dict, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, REQUEST_LOGGER.name)
    named = {name: ("my-holiday.png", part[1], part[2]) for name, part in files.items()}
    response = await client.post("/inpaint", files=named, headers={"x-request-id": "r1"})
    assert response.status_code == 200
    (record,) = [record for record in caplog.records if record.name == REQUEST_LOGGER.name]
    line = json.loads(JsonLines().format(record))
    assert (line["request_id"], line["method"], line["route"], line["status"]) == ("r1", "POST", "/inpaint", 200)
    assert (line["model"], line["input_pixels"], line["hole_ratio"]) == ("lafin", 120_000, 0.03)
    assert set(line["stage_seconds"]) == {"decode", "align", "infer", "compose", "encode"}
    assert "holiday" not in json.dumps(line)


async def test_stage_times_are_in_the_header(client: httpx.AsyncClient, files: dict) -> None:
    files = framed(files)
    response = await client.post("/inpaint", files=files)
    names = [part.split(";")[0].strip() for part in response.headers["server-timing"].split(",")]
    assert set(names) == {"decode", "align", "infer", "compose", "encode"}
