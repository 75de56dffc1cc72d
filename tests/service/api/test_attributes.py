"""Attributes on their whole way: read by POST /attributes, set and drawn in POST /inpaint, told in its JSON."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.fakes.engine import ATTRIBUTES, FakeEngine
from tests.fakes.faces import group, mouth_hole
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.service.api.conftest import Served, form_files, framed

REFERENCE = {"model": "reference"}
JSON = {"Accept": "application/json"}


async def read(client: httpx.AsyncClient, picture: bytes) -> list[dict]:
    response = await client.post("/attributes", files={"image": ("a", picture)})
    assert response.status_code == 200, response.text
    assert (response.json()["model"], response.headers["cache-control"]) == ("reference_extractor", "no-store")
    return response.json()["faces"]


async def test_faces_are_read_and_told_by_name(client: httpx.AsyncClient) -> None:
    one, other = await read(client, png(group((3, 4))))
    for face in (one, other):
        assert list(face["attributes"]) == list(ATTRIBUTES)
        assert all(-1 <= value <= 1 for value in face["attributes"].values())
        assert (len(face["landmarks"]), len(face["box"])) == (68, 4)
    assert one["attributes"] != other["attributes"]
    assert await read(client, png(scene())) == []


async def test_what_was_read_can_be_changed_and_sent_back(client: httpx.AsyncClient) -> None:
    image, mask = png(group((3,))), png(mouth_hole(0, 1))
    attributes = (await read(client, image))[0]["attributes"]

    async def completed(wanted: dict[str, float]) -> tuple[bytes, dict]:
        form = {**REFERENCE, "attributes": json.dumps(wanted)}
        files = form_files(image, mask)
        picture = await client.post("/inpaint", files=files, data=form)
        told = await client.post("/inpaint", files=files, data=form, headers=JSON)
        assert picture.status_code == 200, picture.text
        return picture.content, told.json()

    (before, told), (after, told_after) = (
        await completed(attributes),
        await completed({**attributes, "skin-color": 1.0}),
    )
    assert told["attributes"] == [[attributes]]
    assert told_after["attributes"] == [[{**attributes, "skin-color": 1.0}]]
    changed = (pixels(before) != pixels(after)).any(axis=2)
    assert changed.any()
    assert not (changed & (mouth_hole(0, 1) == 0)).any()


async def test_every_sample_tells_its_attributes(client: httpx.AsyncClient, files: dict) -> None:
    form = {**REFERENCE, "samples": "3", "seed": "5", "attributes": '{"age": -0.5}'}
    response = await client.post("/inpaint", files=framed(files), data=form, headers=JSON)
    body = response.json()
    assert len(body["images"]) == len(body["attributes"]) == 3
    vectors = [tuple(face.values()) for (face,) in body["attributes"]]
    assert len(set(vectors)) == 3
    assert {face["age"] for (face,) in body["attributes"]} == {-0.5}
    again = await client.post("/inpaint", files=framed(files), data=form, headers=JSON)
    assert again.json()["images"] == body["images"]


async def test_a_model_without_attributes_tells_none(client: httpx.AsyncClient, files: dict) -> None:
    response = await client.post("/inpaint", files=framed(files), headers=JSON)
    assert response.json()["attributes"] == [[]]


@pytest.mark.parametrize("path", ["/inpaint", "/jobs"])
async def test_an_unknown_attribute_is_refused_with_the_list(client: httpx.AsyncClient, files: dict, path: str) -> None:
    form = {**REFERENCE, "attributes": '{"Smiling": 1}'}
    response = await client.post(path, files=files, data=form)
    assert (response.status_code, response.json()["code"]) == (422, "bad_field")
    refused = {"field": "attributes", "actual": "Smiling", "allowed": list(ATTRIBUTES)}
    assert response.json()["errors"] == [refused]


async def test_the_catalogue_names_the_attributes(client: httpx.AsyncClient) -> None:
    described = (await client.get("/models/reference")).json()
    assert described["attributes"] == list(ATTRIBUTES)
    assert described["guidance"] == ["attributes", "faces", "reference"]
    assert (described["plural"], described["frame_pixels"], described["ready"]) == (True, 256, True)
    assert (await client.get("/models/lafin")).json()["attributes"] == []


async def test_without_a_snapshot_attributes_cannot_be_read(served: Served, engine: FakeEngine) -> None:
    engine.missing = {"reference", "reference_extractor", "reference_generator"}
    async with served() as client:
        response = await client.post("/attributes", files={"image": ("a", png(scene()))})
        assert (response.status_code, response.json()["code"]) == (404, "model_without_snapshot")
        described = (await client.get("/models/reference")).json()
        assert (described["ready"], described["attributes"]) == (False, [])


async def test_two_references_fill_one_hole_differently(client: httpx.AsyncClient) -> None:
    async def filled(seed: int) -> bytes:
        files = {**form_files(png(scene()), png(box_mask())), "reference": ("r", png(group((seed,))), "image/png")}
        data = {**REFERENCE, "faces": "[[100, 60, 300, 260]]"}
        response = await client.post("/inpaint", files=files, data=data)
        assert response.status_code == 200, response.text
        return response.content

    assert await filled(3) != await filled(4)
    assert await filled(3) == await filled(3)
