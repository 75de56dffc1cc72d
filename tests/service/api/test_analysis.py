from __future__ import annotations

import asyncio
import base64
import json
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from service.keys import make_key
from tests.fakes.engine import FakeEngine
from tests.fakes.faces import group, mouth_hole
from tests.fakes.pictures import pixels, png, scene
from tests.fakes.waiting import FOREVER_SECONDS, soon
from tests.service.api.conftest import Served, form_files, framed


async def test_a_picture_without_a_face_has_none(client: httpx.AsyncClient) -> None:
    response = await client.post("/landmarks", files={"image": ("a", png(scene()))})
    assert response.json() == {"model": "lafin_predictor", "width": 400, "height": 300, "faces": []}


async def test_fields_of_inpaint_are_unknown_here(client: httpx.AsyncClient) -> None:
    response = await client.post("/landmarks", files={"image": ("a", png(scene()))}, data={"seed": "1"})
    assert (response.status_code, response.json()["code"]) == (422, "unknown_field")


async def test_the_gates_are_shared_with_inpaint(served: Served, engine: FakeEngine, files: dict) -> None:
    files = framed(files)
    engine.delay_seconds = 0.5
    async with served(max_concurrent_requests=1, max_waiting_requests=0) as client:
        busy = asyncio.create_task(client.post("/inpaint", files=files))
        await soon(lambda: engine.running == 1)
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


async def parsed(client: httpx.AsyncClient, picture: bytes, accept: str | None = None, **data: str) -> httpx.Response:
    headers = {} if accept is None else {"Accept": accept}
    return await client.post("/parsing", files={"image": ("a", picture)}, data=data, headers=headers)


async def test_a_parsing_map_is_an_indexed_png_as_large_as_the_picture(client: httpx.AsyncClient) -> None:
    response = await parsed(client, png(scene()))
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    assert response.headers["x-model"] == "parser"
    stages = [part.split(";")[0].strip() for part in response.headers["server-timing"].split(",")]
    assert stages[:5] == ["decode", "align", "infer", "compose", "encode"]
    image = Image.open(BytesIO(response.content))
    assert (image.mode, image.size) == ("P", (400, 300))
    assert image.getpalette()[3:6] == [236, 188, 150]


async def test_json_has_names_colours_shares_and_the_same_png(client: httpx.AsyncClient) -> None:
    picture = png(group((3,)))
    body = (await parsed(client, picture, "application/json")).json()
    assert (body["model"], body["width"], body["height"], len(body["faces"])) == ("parser", 400, 400, 1)
    assert [one["name"] for one in body["classes"]] == ["background", "skin", "hair", "left_eye"]
    assert body["classes"][1]["colour"] == "#ecbc96"
    assert sum(one["share"] for one in body["classes"]) == pytest.approx(1)
    assert sum(one["pixels"] for one in body["classes"]) == 160_000
    assert set(body["timings"]) >= {"decode", "align", "infer", "compose"}
    (image,) = body["images"]
    assert image["media_type"] == "image/png"
    assert base64.b64decode(image["data"]) == (await parsed(client, picture, "image/png")).content


async def test_parsing_takes_align_and_refuses_what_it_does_not_know(client: httpx.AsyncClient) -> None:
    aligned, whole = [await parsed(client, png(scene()), align=align) for align in ("auto", "none")]
    assert aligned.content != whole.content
    for data, code in (({"align": "some"}, "bad_field"), ({"seed": "1"}, "unknown_field")):
        response = await parsed(client, png(scene()), **data)
        assert (response.status_code, response.json()["code"]) == (422, code)
    response = await parsed(client, png(scene()), "image/jpeg")
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
    response = await parsed(client, b"no picture")
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_image")


async def test_errors_of_the_parser_are_problems(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.described = {}
    response = await parsed(client, png(scene()))
    assert (response.status_code, response.json()["code"]) == (502, "engine_garbage")
    engine.up = False
    response = await parsed(client, png(scene()))
    assert (response.status_code, response.json()["code"]) == (503, "engine_unavailable")
    assert "retry-after" in response.headers


async def test_parsing_has_the_gates_and_the_scope_of_landmarks(served: Served, engine: FakeEngine) -> None:
    engine.delay_seconds = 0.5
    async with served(max_concurrent_requests=1, max_waiting_requests=0) as client:
        busy = asyncio.create_task(parsed(client, png(scene())))
        await soon(lambda: engine.running == 1)
        response = await parsed(client, png(scene()))
        assert (response.status_code, response.json()["code"]) == (429, "overloaded")
        assert (await busy).status_code == 200
    engine.delay_seconds = FOREVER_SECONDS
    async with served(request_deadline_seconds=0.3) as client:
        response = await parsed(client, png(scene()))
        assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
    engine.delay_seconds = 0
    keys = {scopes: make_key("someone", frozenset({scopes})) for scopes in ("analysis", "inpaint")}
    for scopes, status in (("analysis", 200), ("inpaint", 401)):
        async with served(api_keys=str(keys[scopes][1])) as client:
            client.headers["Authorization"] = f"Bearer {keys[scopes][0]}"
            assert (await parsed(client, png(scene()))).status_code == status
    async with served(api_keys=str(keys["analysis"][1])) as client:
        assert (await parsed(client, png(scene()))).status_code == 401


async def test_parsing_is_counted(client: httpx.AsyncClient) -> None:
    await parsed(client, png(scene()))
    metrics = (await client.get("/metrics")).text
    assert 'inpaint_engine_requests_total{code="ok",model="parser"} 1.0' in metrics
    assert 'inpaint_http_requests_total{method="POST",route="/parsing",status="200"} 1.0' in metrics
