"""Guidance on its whole way: from the form, perhaps over a job, into the face frame of a pipeline that takes it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from service.api.guidance import parse_attributes, parse_faces, parse_landmarks
from service.completion.alignment import Aligner
from service.completion.guidance import FaceGiven
from service.completion.pipelines import PIPELINES
from service.deadline import Deadline
from service.errors import BadField
from service.imaging.decode import decode_image
from service.jobs.tasks import run_once
from service.threads import ImagingThreads
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.faces import group
from tests.fakes.guided import Guided
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings
from tests.service.api.conftest import form_files, in_memory
from tests.service.imaging.files import LIMITS

PORTRAIT = (Path(__file__).parents[3] / "service" / "web" / "samples" / "astronaut.jpg").read_bytes()
HOLE = box_mask() > 0
BOX = [100, 60, 300, 260]


@pytest.fixture
def guided(monkeypatch: pytest.MonkeyPatch) -> Guided:
    pipeline = Guided()
    monkeypatch.setitem(PIPELINES, "guided", pipeline)
    return pipeline


@pytest.fixture
async def client(guided: Guided, engine: FakeEngine, redis_server: RedisServer) -> AsyncIterator[httpx.AsyncClient]:
    async with in_memory(engine, redis_url=redis_server.url) as client:
        yield client


def sent(**more: tuple[str, bytes, str]) -> dict[str, tuple[str, bytes, str]]:
    return {**form_files(png(scene()), png(box_mask())), **more}


REFERENCE = {"reference": ("r.jpg", PORTRAIT, "image/jpeg")}
FORM = {"model": "guided", "attributes": json.dumps({"Smiling": 0.5}), "faces": json.dumps([{"box": BOX, "roll": 90}])}


async def test_a_frame_sees_the_aligned_reference_and_the_attributes(client: httpx.AsyncClient, guided: Guided) -> None:
    response = await client.post("/inpaint", files=sent(**REFERENCE), data=FORM)
    assert response.status_code == 200, response.text
    aligner = Aligner(FakeEngine(), ImagingThreads(1), 8)
    face = await aligner.face_of(decode_image(PORTRAIT, LIMITS).rgb, 256, Deadline(30))
    assert guided.frames
    for frame in guided.frames:
        assert np.array_equal(frame.reference, face)
        assert frame.attributes == {"Smiling": 0.5}


async def test_other_guidance_gives_another_filling(client: httpx.AsyncClient) -> None:
    async def filling(files: dict, data: dict) -> np.ndarray:
        form = {**data, "model": "guided", "faces": f"[{BOX}]"}
        return pixels((await client.post("/inpaint", files=files, data=form)).content)[HOLE]

    plain = await filling(sent(), {})
    smiling = await filling(sent(), {"attributes": '{"Smiling": 1}'})
    like_her = await filling(sent(**REFERENCE), {})
    like_another = await filling(sent(reference=("r", png(group((3,))), "image/png")), {})
    assert len({fill.tobytes() for fill in (plain, smiling, like_her, like_another)}) == 4


@pytest.mark.parametrize("model", ["guided", "reference"])
async def test_a_reference_without_a_face_is_refused_by_that(client: httpx.AsyncClient, model: str) -> None:
    files = sent(reference=("r", png(scene(seed=5)), "image/png"))
    response = await client.post("/inpaint", files=files, data={"model": model, "faces": f"[{BOX}]"})
    assert (response.status_code, response.json()["code"]) == (422, "no_face_in_reference")
    assert response.json()["errors"] == [{"field": "reference", "actual": "no face was found"}]


async def test_with_align_none_the_reference_is_an_aligned_face_as_well(
    client: httpx.AsyncClient, guided: Guided
) -> None:
    reference = scene(256, 256, seed=5)
    files = sent(reference=("r", png(reference), "image/png"))
    response = await client.post("/inpaint", files=files, data={"model": "guided", "align": "none"})
    assert response.status_code == 200, response.text
    assert np.array_equal(guided.frames[0].reference, reference)


async def test_a_job_keeps_the_reference_beside_its_pictures_and_deletes_it_with_them(
    client: httpx.AsyncClient, engine: FakeEngine, redis_server: RedisServer
) -> None:
    direct = await client.post("/inpaint", files=sent(**REFERENCE), data=FORM)
    job = (await client.post("/jobs", files=sent(**REFERENCE), data=FORM)).json()
    canceled = (await client.post("/jobs", files=sent(**REFERENCE), data=FORM)).json()
    with redis_server.client() as redis:
        assert redis.hget(f"inpaint:inputs:{job['id']}", "reference") == PORTRAIT
        assert PORTRAIT[:100] not in b"".join(redis.hvals(f"inpaint:job:{job['id']}"))
        await client.delete(f"/jobs/{canceled['id']}")
        await run_once(job["id"], settings(redis_url=redis_server.url), engine)
        assert redis.keys("inpaint:inputs:*") == []
    assert (await client.get(f"/jobs/{job['id']}/result")).content == direct.content


@pytest.mark.parametrize("path", ["/inpaint", "/jobs"])
async def test_a_reference_that_is_no_picture_is_refused_at_once(client: httpx.AsyncClient, path: str) -> None:
    files = sent(reference=("r.jpg", b"no picture", "image/jpeg"))
    response = await client.post(path, files=files, data={"model": "guided"})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_image")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"model": "guided", "attributes": '{"Bald": 1}'}, "attributes"),
        ({"model": "guided", "align": "none", "faces": f"[{BOX}]"}, "align"),
        ({"model": "guided", "align": "none", "landmarks": json.dumps([mean_shape().tolist()] * 2)}, "align"),
        ({"model": "guided", "faces": json.dumps([BOX] * 9)}, "faces"),
    ],
)
async def test_guidance_without_a_use_is_refused_by_name(client: httpx.AsyncClient, form: dict, field: str) -> None:
    response = await client.post("/inpaint", files=sent(), data=form)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, field)


async def test_given_faces_are_completed_without_a_search(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    nothing = np.full((480, 640, 3), 90, np.uint8)
    mask = np.zeros((480, 640), np.uint8)
    mask[200:260, 200:260] = 255
    form = {"faces": json.dumps([[150, 150, 300, 300]])}
    response = await client.post(
        "/inpaint", files=form_files(png(nothing), png(mask)), data=form, headers={"accept": "application/json"}
    )
    assert len(response.json()["faces"]) == 1


def test_landmarks_of_one_face_or_of_several() -> None:
    shape = mean_shape()
    (one,) = parse_landmarks(json.dumps(shape.tolist()))
    assert np.allclose(one, shape)
    assert len(parse_landmarks(json.dumps([shape.tolist()] * 3))) == 3


def test_faces_are_boxes_or_what_landmarks_answers() -> None:
    plain, turned, answered = [1, 2, 30, 40], {"box": [1, 2, 30, 40], "roll": -20}, {"box": BOX, "landmarks": [[1, 2]]}
    assert parse_faces(json.dumps([plain, turned, answered])) == (
        FaceGiven((1, 2, 30, 40)),
        FaceGiven((1, 2, 30, 40), -20),
        FaceGiven((100, 60, 300, 260)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[[1, 2, 3]]",
        "[[1, 2, 3, true]]",
        "[[30, 2, 1, 40]]",
        '[["a", 1, 2, 3]]',
        '[{"box": [1, 2, 30, 40], "roll": "left"}]',
        "[[1, 2, 1e999, 40]]",
        "[" * 100_000,
    ],
)
def test_what_is_no_list_of_faces_is_refused(text: str) -> None:
    with pytest.raises(BadField) as raised:
        parse_faces(text)
    assert raised.value.errors[0]["field"] == "faces"


@pytest.mark.parametrize("text", ["", "[]", "1", '{"Smiling": 2}', '{"Smiling": true}', '{"Smiling": "yes"}'])
def test_what_are_no_attributes_is_refused(text: str) -> None:
    with pytest.raises(BadField):
        parse_attributes(text)
    assert parse_attributes('{"Smiling": -1}') == {"Smiling": -1.0}
