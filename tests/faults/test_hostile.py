"""Every hostile file, as picture and as mask: refused with its reason or completed, soon and in little memory."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest

from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene
from tests.faults.hostile import corpus
from tests.service.api.conftest import form_files, in_memory

CORPUS = corpus()
REFUSALS = {400, 413, 415, 422}
MUST_BE_REFUSED = ("bomb: ", "empty", "html", "svg", "postscript", "a url", "gif", "tiff", "bmp", "ico", "moving ")
MAY_PASS = {
    "bomb: 5000 x 5000 of zeros",
    "bomb: too many rows",
    "bomb: text",
    "bomb: profile",
}  # whole pictures all the same
LONGEST_SECONDS = 30.0  # of computing
MOST_BYTES = 600_000_000  # beyond what the process had; a whole picture of 25 megapixels takes that


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with in_memory(FakeEngine()) as opened:
        yield opened


@pytest.mark.parametrize("field", ["image", "mask"])
@pytest.mark.parametrize("name", CORPUS)
async def test_a_hostile_file_is_refused_or_completed(client: httpx.AsyncClient, name: str, field: str) -> None:
    files = form_files(png(scene()), png(box_mask())) | {field: ("x", CORPUS[name], "image/png")}
    process = psutil.Process()
    before_bytes, begin = process.memory_info().rss, time.process_time()
    response = await client.post("/inpaint", files=files)
    assert time.process_time() - begin < LONGEST_SECONDS
    assert process.memory_info().rss - before_bytes < MOST_BYTES
    if response.status_code == 200:
        assert not name.startswith(MUST_BE_REFUSED) or name in MAY_PASS
        return
    assert response.status_code in REFUSALS, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = json.dumps(response.json())
    assert "alert" not in told
    assert "passwd" not in told


async def test_after_all_that_it_still_works(client: httpx.AsyncClient) -> None:
    for data in CORPUS.values():
        await client.post("/inpaint", files=form_files(data, data))
    assert (await client.post("/inpaint", files=form_files(png(scene()), png(box_mask())))).status_code == 200


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1/x.png", "file:///etc/passwd", "https://example.com/a.jpg", "data:image/png;base64,AA=="],
)
async def test_an_address_is_not_a_picture_and_is_never_fetched(client: httpx.AsyncClient, address: str) -> None:
    mask = {"mask": ("m.png", png(box_mask()), "image/png")}
    response = await client.post("/inpaint", files=mask, data={"image": address})
    assert (response.status_code, response.json()["code"]) == (422, "bad_field")
    assert address not in response.text
