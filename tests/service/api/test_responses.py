from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np
from fastapi import FastAPI

from service.api.accept import JSON
from service.api.responses import answer_response
from service.api.schemas import InpaintAnswerBody
from service.app import create_app
from service.completion.messages import FaceFound, InpaintAnswer
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.pictures import png
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import serving, settings
from tests.service.api.conftest import form_files

LONGEST_SECONDS = 0.05
MOST_MEMORY = 1.4  # bytes that are made for each byte of the pictures; base64 alone is 1.33


def answer(pictures: list[bytes]) -> InpaintAnswer:
    face = FaceFound((1.0, 2.0, 3.0, 4.0), mean_shape())
    return InpaintAnswer("gfc", 7, 640, 480, 0.25, [face], [], pictures, "image/png")


class Watch:
    """The longest step of a server's event loop. It counts processor time of the loop's own thread, because on a busy
    machine other processes take wall time from it."""

    def __init__(self, app: FastAPI) -> None:
        self.steps: list[float] = []
        self._watching: asyncio.Task[None] | None = None
        app.add_api_route("/watch", self.start)

    async def start(self) -> None:
        self.steps.clear()
        self._watching = self._watching or asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            begin = time.thread_time()
            await asyncio.sleep(0.001)
            self.steps.append(time.thread_time() - begin)


@contextmanager
def watched(redis_server: RedisServer) -> Iterator[tuple[httpx.Client, Watch]]:
    """A client of a real server whose loop is watched."""
    options = settings(redis_url=redis_server.url, drain_seconds=1)
    app = create_app(options, FakeEngine())
    gc.collect()
    gc.freeze()  # objects of other tests in this process would be walked through in the loop's thread
    watch = Watch(app)
    with serving(app, options) as url, httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        assert client.get("/watch").status_code == 200
        yield client, watch
    gc.unfreeze()


def noisy(height: int, width: int) -> dict[str, tuple[str, bytes, str]]:
    """A picture that no format can shrink, and a small hole."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[500:560, 500:560] = 255
    return form_files(png(noise), png(mask))


def test_json_is_what_the_schema_promises() -> None:
    response = answer_response(answer([b"one", b"two"]), {"decode": 0.1234567}, JSON)
    body = json.loads(b"".join(response.pieces))
    assert InpaintAnswerBody.model_validate(body).model_dump() == body
    assert [image["data"] for image in body["images"]] == ["b25l", "dHdv"]
    assert body["timings"] == {"decode": 0.123457}


def test_json_takes_no_more_memory_than_its_text() -> None:
    pictures = [np.random.default_rng(n).bytes(4_000_000) for n in range(8)]
    tracemalloc.start()
    response = answer_response(answer(pictures), {}, JSON)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(response.pieces) > 100
    assert peak_bytes < MOST_MEMORY * sum(map(len, pictures))


def test_the_largest_json_answer_does_not_hold_up_the_loop(redis_server: RedisServer) -> None:
    """8 samples of 4 MB each; with a key they are kept in Redis, and come from there the second time."""
    files, form = noisy(1100, 1250), {"model": "gfc", "samples": "8"}
    with watched(redis_server) as (client, watch):
        for key in ({}, {"idempotency-key": "k"}, {"idempotency-key": "k"}):
            response = client.post("/inpaint", files=files, data=form, headers={"accept": JSON, **key})
            assert response.status_code == 200
            assert len(response.content) > 8 * 4_000_000
        assert len(watch.steps) > 100
        assert max(watch.steps) < LONGEST_SECONDS


def test_a_large_job_does_not_hold_up_the_loop(redis_server: RedisServer) -> None:
    with watched(redis_server) as (client, watch):
        assert client.post("/jobs", files=noisy(2800, 3000)).status_code == 202
        assert max(watch.steps) < LONGEST_SECONDS
