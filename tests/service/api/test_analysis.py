from __future__ import annotations

import asyncio
import json

import httpx
import numpy as np

from tests.fakes.engine import FakeEngine
from tests.fakes.faces import group, mouth_hole
from tests.fakes.pictures import pixels, png, scene
from tests.service.api.conftest import Served, form_files


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


async def test_found_landmarks_can_be_edited_and_sent_back(client: httpx.AsyncClient) -> None:
    image, mask = png(group((3,))), png(mouth_hole(0, 1))
    found = (await client.post("/landmarks", files={"image": ("a", image), "mask": ("b", mask)})).json()
    assert (found["width"], found["height"], len(found["faces"])) == (400, 400, 1)
    landmarks = found["faces"][0]["landmarks"]
    wide = [[x + (i - 51) * 0.6, y] if i >= 48 else [x, y] for i, (x, y) in enumerate(landmarks)]

    async def completed(points: list[list[float]]) -> np.ndarray:
        response = await client.post("/inpaint", files=form_files(image, mask), data={"landmarks": json.dumps(points)})
        assert response.status_code == 200, response.text
        return pixels(response.content)

    assert (await completed(landmarks) != await completed(wide)).any()
