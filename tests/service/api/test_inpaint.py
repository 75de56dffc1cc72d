from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from service.api.guidance import parse_landmarks
from service.errors import BadLandmarks
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.http import http
from tests.fakes.pictures import box_mask, encoded, pixels, png, scene
from tests.fakes.server import running
from tests.fakes.waiting import FOREVER_SECONDS, until
from tests.service.api.conftest import Served, form_files, framed

HOLE = box_mask() > 0


async def test_outside_the_hole_png_is_identical_and_inside_it_is_painted(
    client: httpx.AsyncClient, files: dict
) -> None:
    response = await client.post("/inpaint", files=files)
    assert response.headers["content-type"] == "image/png"
    assert (response.headers["x-model"], response.headers["x-seed"]) == ("lafin", "0")
    assert (response.headers["x-faces"], response.headers["x-regions"]) == ("0", "face=0, background=1")
    completed = pixels(response.content)
    assert np.array_equal(completed[~HOLE], scene()[~HOLE])
    assert (completed[HOLE] != scene()[HOLE]).any(axis=-1).mean() > 0.9


async def test_a_completed_face_is_told(client: httpx.AsyncClient, files: dict) -> None:
    as_png = await client.post("/inpaint", files=framed(files))
    assert (as_png.headers["x-faces"], as_png.headers["x-regions"]) == ("1", "face=1, background=0")
    body = (await client.post("/inpaint", files=framed(files), headers={"accept": "application/json"})).json()
    assert [face["box"] for face in body["faces"]] == [[0, 0, 400, 300]]
    assert body["regions"] == [{"kind": "face", "box": [150.0, 100.0, 210.0, 160.0]}]


@pytest.mark.parametrize("blend", ["feather", "poisson", "none"])
@pytest.mark.parametrize("align", ["auto", "none"])
async def test_no_blend_and_no_alignment_touches_the_outside(
    client: httpx.AsyncClient, files: dict, blend: str, align: str
) -> None:
    response = await client.post("/inpaint", files=files, data={"blend": blend, "align": align})
    completed = pixels(response.content)
    assert np.array_equal(completed[~HOLE], scene()[~HOLE])
    assert (completed[HOLE] != scene()[HOLE]).any()


async def test_alpha_comes_back_untouched_and_opaque_in_the_hole(client: httpx.AsyncClient) -> None:
    alpha = (np.arange(120_000).reshape(300, 400) % 256).astype(np.uint8)
    image = np.dstack([scene(), alpha])
    response = await client.post("/inpaint", files=form_files(png(image), png(box_mask())))
    completed = pixels(response.content)
    assert np.array_equal(completed[~HOLE], image[~HOLE])
    assert (completed[HOLE][:, 3] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_exif_orientation_turns_the_picture_upright(client: httpx.AsyncClient, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(scene(), "PNG", exif=exif)
    sides = (400, 300) if orientation >= 5 else (300, 400)
    mask = np.zeros(sides, np.uint8)
    mask[90:150, 100:160] = 255
    response = await client.post("/inpaint", files=form_files(stored, png(mask)))
    completed = pixels(response.content)
    upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[:, ::-1],
        7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
        8: lambda a: a.swapaxes(0, 1)[::-1],
    }[orientation](scene())
    assert completed.shape[:2] == sides
    assert np.array_equal(completed[mask == 0], upright[mask == 0])


async def test_json_holds_the_picture_and_what_was_found(client: httpx.AsyncClient, files: dict) -> None:
    as_png = await client.post("/inpaint", files=files, data={"seed": "5"})
    response = await client.post("/inpaint", files=files, data={"seed": "5"}, headers={"accept": "application/json"})
    body = response.json()
    assert (body["model"], body["seed"], body["width"], body["height"]) == ("lafin", 5, 400, 300)
    assert (body["hole_ratio"], body["faces"]) == (0.03, [])
    assert body["regions"] == [{"kind": "background", "box": [150.0, 100.0, 210.0, 160.0]}]
    assert set(body["timings"]) == {"decode", "align", "infer", "compose", "encode"}
    (image,) = body["images"]
    assert image["media_type"] == "image/png"
    assert base64.b64decode(image["data"]) == as_png.content


@pytest.mark.parametrize(
    ("accept", "output_format", "expected"),
    [
        ("image/jpeg", None, "image/jpeg"),
        ("image/webp", None, "image/webp"),
        ("image/png", "jpeg", "image/jpeg"),
        ("text/html", "webp", "image/webp"),
        ("*/*", "jpeg", "image/jpeg"),
    ],
)
async def test_the_format_is_the_one_asked_for(
    client: httpx.AsyncClient, files: dict, accept: str, output_format: str | None, expected: str
) -> None:
    data = {"output_format": output_format} if output_format else {}
    response = await client.post("/inpaint", files=files, data=data, headers={"accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, expected)
    assert Image.MIME[Image.open(BytesIO(response.content)).format] == expected


async def test_json_with_an_output_format_holds_that_format(client: httpx.AsyncClient, files: dict) -> None:
    response = await client.post(
        "/inpaint", files=files, data={"output_format": "jpeg"}, headers={"accept": "application/json"}
    )
    assert response.json()["images"][0]["media_type"] == "image/jpeg"


@pytest.mark.parametrize("name", ["reference", "attributes"])
async def test_guidance_that_the_model_would_ignore_is_refused(
    client: httpx.AsyncClient, files: dict, name: str
) -> None:
    sent = {**files, name: ("g", b"{}" if name == "attributes" else png(scene()), "image/png")}
    response = await client.post("/inpaint", files=sent)
    assert (response.status_code, response.json()["code"]) == (422, "guidance_not_accepted")
    assert response.json()["errors"] == [{"field": name, "model": "lafin", "allowed": ["faces", "landmarks"]}]


async def test_edited_landmarks_change_the_answer(client: httpx.AsyncClient, files: dict) -> None:
    face = mean_shape() * 0.8 + (100, 20)
    hole = box_mask(box=(150, 140, 260, 200))
    smile = face.copy()
    smile[48:68, 1] -= 9

    async def answer(landmarks: np.ndarray) -> dict:
        response = await client.post(
            "/inpaint",
            files=form_files(png(scene()), png(hole)),
            data={"landmarks": json.dumps(landmarks.tolist())},
            headers={"accept": "application/json"},
        )
        assert response.status_code == 200, response.text
        return response.json()

    before, after = await answer(face), await answer(smile)
    assert np.allclose(before["faces"][0]["landmarks"], face, atol=0.006)
    assert before["images"] != after["images"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "68",
        "[[1, 2]]",
        "not json",
        "[" * 100_000,
        json.dumps([[1, 2]] * 67),
        json.dumps([[1, 2, 3]] * 68),
        json.dumps([["a", "b"]] * 68),
        json.dumps([[1e999, 1]] * 68),
        json.dumps([{"x": 1}] * 68),
        "[[1,2],[3]]",
    ],
)
def test_what_is_not_68_points_is_refused(text: str) -> None:
    with pytest.raises(BadLandmarks) as raised:
        parse_landmarks(text)
    assert raised.value.errors[0]["field"] == "landmarks"


def _degenerate() -> np.ndarray:
    return np.full((68, 2), 100.0)


def _mirrored() -> np.ndarray:
    return np.array([-1, 1]) * mean_shape() + (300, 0)


def _far_away() -> np.ndarray:
    return mean_shape() + 10_000


@pytest.mark.parametrize("points", [_degenerate, _mirrored, _far_away])
async def test_points_that_are_no_face_here_are_refused(
    client: httpx.AsyncClient, files: dict, points: Callable[[], np.ndarray]
) -> None:
    response = await client.post("/inpaint", files=files, data={"landmarks": json.dumps(points().tolist())})
    assert (response.status_code, response.json()["code"]) == (422, "bad_landmarks")


@pytest.mark.parametrize(
    ("image", "mask", "status", "code"),
    [
        (png(scene()), png(box_mask(200, 200)), 422, "sizes_differ"),
        (png(scene()), png(box_mask() * 0), 422, "empty_hole"),
        (png(scene()), png(box_mask() * 0 + 255), 422, "full_hole"),
        (png(scene(16, 16)), png(box_mask(16, 16)), 422, "side_too_short"),
        (png(scene(64, 2100)), png(box_mask()), 422, "side_too_long"),
        (png(scene(1000, 1000)), png(box_mask()), 422, "too_many_pixels"),
        (png(scene())[:-500], png(box_mask()), 415, "unsupported_image"),
        (png(scene()), b"", 415, "unsupported_image"),
        (encoded(scene(), "GIF"), png(box_mask()), 415, "unsupported_image"),
    ],
)
async def test_pictures_that_cannot_be_used(served: Served, image: bytes, mask: bytes, status: int, code: str) -> None:
    async with served(max_image_pixels=500_000, max_side_pixels=2000) as client:
        response = await client.post("/inpaint", files=form_files(image, mask))
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert response.json()["errors"], "says what was found and what is allowed"


async def test_32_different_pictures_at_once_equal_their_own_sequential_answers(
    served: Served, engine: FakeEngine
) -> None:
    def form(seed: int) -> dict:
        x = 40 + 5 * seed
        return framed(form_files(png(scene(200, 300, seed)), png(box_mask(200, 300, (x, 60, x + 50, 120)))))

    async with served(max_waiting_requests=32) as client:
        alone = [(await client.post("/inpaint", files=form(seed))).content for seed in range(32)]
        assert len(set(alone)) == 32
        engine.delay_seconds = 0.02
        together = await asyncio.gather(*(client.post("/inpaint", files=form(seed)) for seed in range(32)))
    assert [response.content for response in together] == alone
    assert engine.most_running > 1


async def test_no_more_than_allowed_work_at_once_and_the_rest_is_turned_away(
    served: Served, engine: FakeEngine, files: dict
) -> None:
    files = framed(files)
    engine.delay_seconds = 0.3
    async with served(max_concurrent_requests=2, max_waiting_requests=3) as client:
        responses = await asyncio.gather(*(client.post("/inpaint", files=files) for _ in range(12)))
    statuses = [response.status_code for response in responses]
    assert (statuses.count(200), statuses.count(429)) == (5, 7)
    assert engine.most_running == 2
    refused = next(response for response in responses if response.status_code == 429)
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("overloaded", "1")


async def test_a_slow_engine_ends_at_the_deadline(served: Served, engine: FakeEngine, files: dict) -> None:
    files = framed(files)
    engine.delay_seconds = FOREVER_SECONDS
    async with served(request_deadline_seconds=0.4) as client:
        response = await client.post("/inpaint", files=files)
    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")


async def test_waiting_in_line_ends_at_the_deadline(served: Served, engine: FakeEngine, files: dict) -> None:
    files = framed(files)
    engine.delay_seconds = FOREVER_SECONDS
    async with served(request_deadline_seconds=0.4, max_concurrent_requests=1) as client:
        responses = await asyncio.gather(*(client.post("/inpaint", files=files) for _ in range(3)))
    assert [response.status_code for response in responses] == [504] * 3


async def test_an_engine_that_is_away_and_comes_back(
    client: httpx.AsyncClient, engine: FakeEngine, files: dict
) -> None:
    files = framed(files)
    engine.up = False
    response = await client.post("/inpaint", files=files)
    assert (response.status_code, response.json()["code"]) == (503, "engine_unavailable")
    assert response.headers["retry-after"] == "1"
    engine.up = True
    assert (await client.post("/inpaint", files=files)).status_code == 200


def test_a_client_that_goes_away_cancels_its_inference_and_frees_its_place(files: dict) -> None:
    files = framed(files)
    engine = FakeEngine()
    engine.delay_seconds = FOREVER_SECONDS
    with running(engine, max_concurrent_requests=1, max_waiting_requests=0) as url:
        with pytest.raises(httpx.ReadTimeout):
            http.post(f"{url}/inpaint", files=files, timeout=httpx.Timeout(5, read=0.7))
        until(lambda: engine.canceled == 1)
        engine.delay_seconds = 0
        until(lambda: http.post(f"{url}/inpaint", files=files).status_code == 200)
        text = http.get(f"{url}/metrics").text
    assert 'inpaint_http_requests_total{method="POST",route="/inpaint",status="499"} 1.0' in text
    assert 'inpaint_engine_requests_total{code="canceled",model="lafin"} 1.0' in text


def test_a_stop_that_cannot_wait_answers_that_it_is_stopping(files: dict) -> None:
    files = framed(files)
    engine, answers = FakeEngine(), []
    engine.delay_seconds = FOREVER_SECONDS
    with running(engine) as url:
        thread = threading.Thread(target=lambda: answers.append(http.post(f"{url}/inpaint", files=files, timeout=20)))
        thread.start()
        until(lambda: engine.running == 1)
    thread.join(10)
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "draining")


async def plural(client: httpx.AsyncClient, files: dict, accept: str = "*/*", **data: str) -> httpx.Response:
    return await client.post("/inpaint", files=files, data={"model": "gfc", **data}, headers={"accept": accept})


async def test_several_samples_come_as_json(client: httpx.AsyncClient, files: dict) -> None:
    files = framed(files)
    response = await plural(client, files, samples="3", seed="9", output_format="webp")
    body = response.json()
    assert (response.headers["x-seed"], body["seed"], body["model"]) == ("9", 9, "gfc")
    assert [image["media_type"] for image in body["images"]] == ["image/webp"] * 3
    pictures = [pixels(base64.b64decode(image["data"])) for image in body["images"]]
    outside = box_mask() == 0
    for picture in pictures:
        assert np.array_equal(picture[outside], scene()[outside])
    assert not np.array_equal(pictures[0], pictures[1])
    again = (await plural(client, files, samples="3", seed="9", output_format="webp")).json()
    assert again["images"] == body["images"]


async def test_several_samples_for_one_who_takes_no_json(client: httpx.AsyncClient, files: dict) -> None:
    response = await plural(client, files, accept="image/png", samples="2")
    assert (response.status_code, response.json()["errors"][0]["allowed"]) == (406, ["application/json"])


async def test_a_seed_that_was_not_sent_is_told(client: httpx.AsyncClient, files: dict) -> None:
    first = await plural(client, files)
    seed = first.headers["x-seed"]
    assert first.headers["content-type"] == "image/png"
    assert (await plural(client, files)).headers["x-seed"] != seed
    assert (await plural(client, files, seed=seed)).content == first.content


async def staged(client: httpx.AsyncClient, files: dict, accept: str = "*/*", **data: str) -> httpx.Response:
    form = {"model": "showface", "include": "coarse, parsing", **data}
    return await client.post("/inpaint", files=framed(files), data=form, headers={"accept": accept})


async def test_the_stages_of_a_model_come_as_json(client: httpx.AsyncClient, files: dict) -> None:
    body = (await staged(client, files)).json()
    ((coarse, parsing),) = [(face["coarse"], face["parsing"]) for face in body["included"]]
    assert {coarse["media_type"], parsing["media_type"]} == {"image/png"}
    assert pixels(base64.b64decode(coarse["data"])).shape == (256, 256, 3)
    assert set(np.unique(pixels(base64.b64decode(parsing["data"])))) <= {0, 1, 2, 3}
    assert (await staged(client, files, include="")).headers["content-type"] == "image/png"


async def test_stages_that_nobody_can_show_are_refused_by_name(client: httpx.AsyncClient, files: dict) -> None:
    for data, allowed in (({"model": "lafin"}, []), ({"include": "coarse,fine"}, ["coarse", "parsing"])):
        response = await staged(client, files, **data)
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "include")
        assert response.json()["errors"][0]["allowed"] == allowed
    assert (await staged(client, files, accept="image/png")).status_code == 406
