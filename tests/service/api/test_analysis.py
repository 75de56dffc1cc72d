from __future__ import annotations

import asyncio

import httpx

from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import png, scene
from tests.service.api.conftest import Served


async def test_a_picture_without_a_face_has_none(client: httpx.AsyncClient) -> None:
    response = await client.post("/landmarks", files={"image": ("a", png(scene()))})
    assert response.json() == {"model": "lafin_predictor", "width": 400, "height": 300, "faces": []}


async def test_fields_of_inpaint_are_unknown_here(client: httpx.AsyncClient) -> None:
    response = await client.post("/landmarks", files={"image": ("a", png(scene()))}, data={"seed": "1"})
    assert (response.status_code, response.json()["code"]) == (422, "unknown_field")


async def test_the_gates_are_shared_with_inpaint(served: Served, engine: FakeEngine, files: dict) -> None:
    engine.delay_seconds = 0.5
    async with served(max_concurrent_requests=1, max_waiting_requests=0) as client:
        busy = asyncio.create_task(client.post("/inpaint", files=files))
        await asyncio.sleep(0.2)
        response = await client.post("/landmarks", files={"image": ("a", png(scene()))})
        assert (response.status_code, response.json()["code"]) == (429, "overloaded")
        assert (await busy).status_code == 200
