from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import time
from collections.abc import AsyncIterator
from io import BytesIO
from zipfile import ZipFile

import httpx
import numpy as np
import pytest

from service.errors import EngineGarbage, EngineQueueFull, EngineUnavailable, Overloaded, ServiceError
from service.imaging.encode import most_bytes
from service.jobs import tasks
from service.jobs.tasks import run_once
from service.keys import make_key
from service.telemetry.logs import JsonLines
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings
from tests.fakes.waiting import FOREVER_SECONDS
from tests.service.api.conftest import Served, form_files, framed, in_memory

HOLE = box_mask() > 0
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Work:
    """A client of the API, and a worker that runs when it is told to."""

    def __init__(self, client: httpx.AsyncClient, engine: FakeEngine, redis: RedisServer, given: dict) -> None:
        self.client, self.engine, self.redis = client, engine, redis
        self.settings = settings(redis_url=redis.url, **given)

    async def post(self, files: object, status: int = 202, **options: object) -> dict:
        response = await self.client.post("/jobs", files=files, **options)
        assert response.status_code == status, response.text
        return response.json()

    async def get(self, job: dict, query: str = "") -> dict:
        response = await self.client.get(f"/jobs/{job['id']}{query}")
        assert response.status_code == 200, response.text
        return response.json()

    async def result(self, job: dict, **headers: str) -> httpx.Response:
        return await self.client.get(f"/jobs/{job['id']}/result", headers=headers)

    async def run(self, job: dict) -> None:
        await run_once(job["id"], self.settings, self.engine)

    def keys(self, pattern: str) -> list[bytes]:
        with self.redis.client() as client:
            return client.keys(f"inpaint:{pattern}")


@pytest.fixture
async def work(engine: FakeEngine, redis_server: RedisServer) -> AsyncIterator[Work]:
    async with in_memory(engine, redis_url=redis_server.url) as client:
        yield Work(client, engine, redis_server, {})


@pytest.fixture
async def keyed(engine: FakeEngine, redis_server: RedisServer) -> AsyncIterator[Work]:
    """The same with a key that every request carries."""
    key, entry = make_key("mine", frozenset({"jobs", "inpaint"}))
    async with in_memory(engine, redis_url=redis_server.url, api_keys=str(entry)) as client:
        client.headers["x-api-key"] = key
        yield Work(client, engine, redis_server, {})


def problem(response: httpx.Response, status: int, code: str) -> dict:
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()


def batch(*seeds: int) -> list:
    pairs = [form_files(png(scene(seed=seed)), png(box_mask())) for seed in seeds]
    return [(name, pair[name]) for pair in pairs for name in ("image", "mask")]


async def test_a_job_gives_several_samples(work: Work, files: dict) -> None:
    job = await work.post(files, data={"model": "gfc", "samples": "2", "seed": "7"})
    await work.run(job)
    body = (await work.result(job)).json()
    direct = await work.client.post(
        "/inpaint", files=files, data={"model": "gfc", "samples": "2", "seed": "7"}, headers={"accept": "*/*"}
    )
    assert body["images"] == direct.json()["images"]
    assert len(body["images"]) == 2
    assert (await work.result(job, accept="image/png")).status_code == 406


STAGED = {"model": "showface", "include": "coarse,parsing", "align": "none"}


@pytest.mark.parametrize("path", ["/jobs", "/inpaint"])
async def test_a_job_keeps_the_stages_of_its_model(work: Work, files: dict, path: str) -> None:
    accepted = await work.client.post(path, files=files, data=STAGED, headers={"prefer": "respond-async"})
    assert accepted.status_code == 202, accepted.text
    await work.run(accepted.json())
    body = (await work.result(accepted.json())).json()
    direct = (await work.client.post("/inpaint", files=files, data=STAGED)).json()
    assert [set(face) for face in body["included"]] == [{"coarse", "parsing"}]
    assert (body["included"], body["images"]) == (direct["included"], direct["images"])
    problem(await work.result(accepted.json(), accept="image/png"), 406, "not_acceptable")


async def test_a_batch_has_the_stages_of_each_face_in_a_folder_of_its_picture(work: Work) -> None:
    job = await work.post(batch(1, 2), data=STAGED, headers={"accept": "image/jpeg"})
    await work.run(job)
    with ZipFile(BytesIO((await work.result(job)).content)) as archive:
        names = ["job.json"]
        for item in ("000", "001"):
            names += [f"{item}.jpg", f"{item}/0-coarse.png", f"{item}/0-parsing.png"]
        assert archive.namelist() == names
        direct = (await work.client.post("/inpaint", files=dict(batch(2)), data=STAGED)).json()["included"]
        for stage in ("coarse", "parsing"):
            assert archive.read(f"001/0-{stage}.png") == base64.b64decode(direct[0][stage]["data"])


async def test_a_job_without_a_face_includes_nothing_and_is_json_all_the_same(
    work: Work,
) -> None:
    files = form_files(png(np.full((300, 400, 3), 90, np.uint8)), png(box_mask()))
    job = await work.post(files, data={"model": "showface", "include": "coarse"})
    await work.run(job)
    body = (await work.result(job)).json()
    assert (body["included"], len(body["images"])) == ([], 1)


async def test_a_stage_that_nobody_can_show_is_refused_before_the_job(work: Work, files: dict) -> None:
    refused = await work.post(files, 422, data={"model": "lafin", "include": "coarse"})
    assert refused["errors"] == [{"field": "include", "model": "lafin", "allowed": []}]
    assert (
        await work.client.post("/jobs", files=files, data=STAGED, headers={"accept": "image/png"})
    ).status_code == 406


async def test_room_is_kept_for_the_stages_of_as_many_faces_as_there_may_be(work: Work, files: dict) -> None:
    """Each stage of each face is a frame of 256 px; `align=none` has one face, whoever names faces has those."""

    async def kept(**data: str) -> int:
        job = await work.post(files, data={"model": "showface", **data})
        with work.redis.client() as client:
            return int(client.hget("inpaint:bytes", job["id"]))

    frame, plain = most_bytes((256, 256), has_alpha=False), await kept()
    assert await kept(include="coarse") == plain + work.settings.max_faces * frame
    assert await kept(include="coarse,parsing", align="none") == plain + 2 * frame
    assert await kept(include="coarse", faces="[[9, 9, 90, 90], [100, 9, 190, 90]]") == plain + 2 * frame


async def test_a_job_without_a_seed_tells_the_one_it_drew(work: Work, files: dict) -> None:
    job = await work.post(files, data={"model": "gfc"})
    await work.run(job)
    response = await work.result(job)
    direct = await work.client.post("/inpaint", files=files, data={"model": "gfc", "seed": response.headers["x-seed"]})
    assert direct.content == response.content


async def test_a_batch_gives_one_result_a_picture(work: Work) -> None:
    refused = await work.post(batch(1, 2), 422, data={"model": "gfc", "samples": "2"})
    assert refused["errors"][0]["field"] == "samples"


async def test_a_job_from_the_post_to_the_picture(work: Work, files: dict) -> None:
    response = await work.client.post("/jobs", files=files)
    job = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"/jobs/{job['id']}" == job["url"]
    assert response.headers["retry-after"] == "1"
    assert (job["state"], job["queue_position"], job["model"], job["tries"]) == ("queued", 1, "lafin", 0)
    problem(await work.result(job), 409, "result_not_ready")
    await work.run(job)
    done = await work.get(job)
    assert (done["state"], done["queue_position"], done["tries"]) == ("succeeded", None, 1)
    assert done["created_at"] <= done["started_at"] <= done["finished_at"] < done["expires_at"]
    result = await work.client.get(done["result_url"])
    assert (result.headers["content-type"], result.headers["x-model"]) == ("image/png", "lafin")
    assert result.content == (await work.client.post("/inpaint", files=files)).content
    assert np.array_equal(pixels(result.content)[~HOLE], scene()[~HOLE])


async def test_the_result_may_be_asked_for_as_json(work: Work, files: dict) -> None:
    job = await work.post(files, data={"output_format": "webp", "seed": "7"})
    await work.run(job)
    body = (await work.result(job, accept="application/json")).json()
    assert (body["model"], body["seed"], body["width"], body["images"][0]["media_type"]) == (
        "lafin",
        7,
        400,
        "image/webp",
    )
    problem(await work.result(job, accept="image/png"), 406, "not_acceptable")


async def test_a_bad_picture_fails_at_once_and_leaves_nothing(work: Work, files: dict) -> None:
    bad = form_files(png(scene()), png(box_mask(200, 200)))
    problem(await work.client.post("/jobs", files=bad), 422, "sizes_differ")
    problem(await work.client.post("/jobs", files={**files, "image": ("a", b"GIF89a")}), 415, "unsupported_image")
    problem(await work.client.post("/jobs", files=files, data={"model": "gan"}), 404, "unknown_model")
    problem(await work.client.post("/jobs", files=files, data={"landmarks": "[]"}), 422, "bad_landmarks")
    problem(await work.client.post("/jobs", files=files, data={"attributes": "{}"}), 422, "guidance_not_accepted")
    problem(await work.client.post("/jobs", files=files, data={"sede": "1"}), 422, "unknown_field")
    assert work.keys("*") == []


async def test_prefer_respond_async_makes_a_job_of_inpaint(work: Work, files: dict) -> None:
    response = await work.client.post("/inpaint", files=files, headers={"prefer": "wait=5, respond-async"})
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "respond-async"
    assert (response.headers["location"], response.headers["retry-after"]) == (f"/jobs/{response.json()['id']}", "1")
    await work.run(response.json())
    assert (await work.result(response.json())).content == (await work.client.post("/inpaint", files=files)).content


async def test_another_preference_changes_nothing(work: Work, files: dict) -> None:
    response = await work.client.post("/inpaint", files=files, headers={"prefer": "return=minimal"})
    assert response.status_code == 200
    assert "preference-applied" not in response.headers


async def test_a_batch_is_one_job_and_a_zip(work: Work) -> None:
    job = await work.post(batch(1, 2, 3))
    assert [item["state"] for item in job["items"]] == ["queued"] * 3
    await work.run(job)
    done = await work.get(job)
    assert (done["state"], [item["state"] for item in done["items"]]) == ("succeeded", ["succeeded"] * 3)
    result = await work.result(job)
    assert result.headers["content-type"] == "application/zip"
    with ZipFile(BytesIO(result.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["job.json", "000.png", "001.png", "002.png"]
        assert json.loads(archive.read("job.json"))["id"] == job["id"]
        for seed, name in enumerate(archive.namelist()[1:], start=1):
            assert np.array_equal(pixels(archive.read(name))[~HOLE], scene(seed=seed)[~HOLE])


async def test_a_batch_needs_a_mask_for_each_image_and_one_bad_pair_fails_it(work: Work) -> None:
    problem(await work.client.post("/jobs", files=batch(1, 2)[:3]), 422, "bad_field")
    broken = [*batch(1), ("image", ("a", b"nothing")), ("mask", ("b", png(box_mask())))]
    problem(await work.client.post("/jobs", files=broken), 415, "unsupported_image")
    problem(await work.client.post("/jobs", files=batch(1, 2), data={"landmarks": "[]"}), 422, "bad_field")
    assert work.keys("*") == []


@pytest.mark.parametrize(
    ("image", "mask", "code", "field"),
    [
        (b"nothing", png(box_mask()), "unsupported_image", "image"),
        (png(scene()), png(box_mask() * 0), "empty_hole", "mask"),
        (png(scene()), png(box_mask(200, 200)), "sizes_differ", "mask"),
    ],
)
async def test_the_bad_pair_of_a_batch_is_named(work: Work, image: bytes, mask: bytes, code: str, field: str) -> None:
    upload = [*batch(1, 2), ("image", ("a", image)), ("mask", ("b", mask)), *batch(3)]
    body = problem(await work.client.post("/jobs", files=upload), 422 if code != "unsupported_image" else 415, code)
    assert [(entry["index"], entry["field"]) for entry in body["errors"]] == [(2, field)]
    assert body["detail"].startswith("Pair 2: ")


async def test_text_in_the_place_of_a_file_of_a_batch_is_named(work: Work) -> None:
    upload = [*batch(1), ("image", (None, "text")), ("mask", ("b", png(box_mask())))]
    body = problem(await work.client.post("/jobs", files=upload), 422, "bad_field")
    assert body["errors"] == [{"field": "image", "index": 1, "message": "must be a file part (with a filename)"}]


async def test_what_is_wrong_for_all_pairs_names_none(work: Work) -> None:
    for data, code in (({"model": "nobody"}, "unknown_model"), ({"attributes": '{"a": 1}'}, "guidance_not_accepted")):
        response = await work.client.post("/jobs", files=batch(1, 2), data=data)
        assert response.json()["code"] == code
        assert "index" not in response.text


async def test_64_pairs_are_taken_and_65_are_not(work: Work) -> None:
    small = form_files(png(scene(40, 40)), png(box_mask(40, 40, (10, 10, 20, 20))))
    pair = [(name, small[name]) for name in ("image", "mask")]
    job = await work.post(pair * 64)
    assert len(job["items"]) == 64
    problem(await work.client.post("/jobs", files=pair * 65), 400, "broken_upload")


async def test_one_failed_item_does_not_fail_the_others(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    job = await work.post(batch(1, 2), data={"align": "none"})
    infer, calls = work.engine.infer, []

    async def second_fails(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) > 1:
            raise EngineGarbage("The engine failed.")
        return await infer(*arguments, **options)

    monkeypatch.setattr(work.engine, "infer", second_fails)
    await work.run(job)
    done = await work.get(job)
    assert (done["state"], [item["state"] for item in done["items"]]) == ("succeeded", ["succeeded", "failed"])
    assert done["items"][1]["problem"]["code"] == "engine_garbage"
    with ZipFile(BytesIO((await work.result(job)).content)) as archive:
        assert archive.namelist() == ["job.json", "000.png"]


async def test_a_failed_job_shows_its_problem_and_answers_it(work: Work, files: dict) -> None:
    files = framed(files)
    job = await work.post(files)
    work.engine.error = EngineGarbage("The engine failed.")
    await work.run(job)
    done = await work.get(job)
    assert (done["state"], done["result_url"]) == ("failed", None)
    assert (done["problem"]["code"], done["problem"]["status"]) == ("engine_garbage", 502)
    assert done["problem"]["instance"] == f"urn:inpaint:job:{job['id']}"
    response = await work.result(job)
    problem(response, 502, "engine_garbage")
    assert "retry-after" not in response.headers


@pytest.mark.parametrize(
    "error", [EngineUnavailable("x"), EngineQueueFull("x", retry_after_seconds=7), Overloaded("x")]
)
async def test_a_failure_of_which_the_status_promises_retry_after_carries_it(
    engine: FakeEngine, redis_server: RedisServer, files: dict, error: ServiceError
) -> None:
    files = framed(files)
    options = {"jobs_engine_wait_seconds": 0, "redis_url": redis_server.url}
    async with in_memory(engine, **options) as client:
        work = Work(client, engine, redis_server, {"jobs_engine_wait_seconds": 0})
        job = await work.post(files)
        engine.error = error
        await work.run(job)
        response = await work.result(job)
        problem(response, error.status, error.code)
        assert response.headers["retry-after"] == "1"


async def test_inputs_are_gone_after_the_end_and_all_have_a_time_to_live(work: Work, files: dict) -> None:
    job = await work.post(files)
    with work.redis.client() as redis:
        assert 3590 < redis.ttl(f"inpaint:inputs:{job['id']}") <= 3600
        await work.run(job)
        assert not redis.exists(f"inpaint:inputs:{job['id']}")
        assert 3590 < redis.ttl(f"inpaint:results:{job['id']}") <= 3600
        assert redis.ttl(f"inpaint:job:{job['id']}") > 3600
        stored = b"".join(redis.dump(key) or b"" for key in redis.keys("rq:*") if b"execution" not in key)
        assert b"PNG" not in stored, "nothing but ids goes through the queue"


async def test_results_expire(engine: FakeEngine, redis_server: RedisServer, files: dict) -> None:
    given = {"jobs_result_ttl_seconds": 1}
    async with in_memory(engine, redis_url=redis_server.url, **given) as client:
        work = Work(client, engine, redis_server, given)
        job = await work.post(files)
        await work.run(job)
        assert (await work.result(job)).status_code == 200
        await asyncio.sleep(1.1)
        problem(await work.result(job), 410, "result_expired")
        body = await work.get(job)
        assert (body["state"], body["result_expired"], body["result_url"]) == ("succeeded", True, None)
        assert work.keys("results:*") == []


async def test_a_job_that_nobody_begins_expires_and_is_not_run(
    engine: FakeEngine, redis_server: RedisServer, files: dict
) -> None:
    given = {"jobs_queue_ttl_seconds": 1}
    async with in_memory(engine, redis_url=redis_server.url, **given) as client:
        work = Work(client, engine, redis_server, given)
        job = await work.post(files)
        await asyncio.sleep(1.1)
        assert (await work.get(job))["state"] == "expired"
        await work.run(job)
        body = await work.get(job)
        assert (body["state"], body["result_expired"], body["result_url"]) == ("expired", False, None)
        problem(await work.result(job), 410, "job_expired")
        assert engine.calls.total() == 0


async def test_delete_on_fetch_gives_the_result_once(work: Work, files: dict) -> None:
    for upload in (files, batch(1, 2)):
        job = await work.post(upload, data={"delete_on_fetch": "true"})
        await work.run(job)
        first = await work.result(job)
        assert first.status_code == 200
        assert len(first.content) > 1000
        problem(await work.result(job), 410, "result_expired")
        assert work.keys(f"results:{job['id']}") == []


async def test_a_waiting_job_is_canceled(work: Work, files: dict) -> None:
    job, other = await work.post(files), await work.post(files)
    assert (await work.get(other))["queue_position"] == 2
    response = await work.client.delete(f"/jobs/{job['id']}")
    assert (response.status_code, response.json()["state"]) == (200, "canceled")
    assert (await work.get(other))["queue_position"] == 1
    problem(await work.result(job), 410, "job_canceled")
    await work.run(job)
    assert (await work.get(job))["state"] == "canceled"
    assert work.engine.calls.total() == 0
    with work.redis.client() as redis:
        assert redis.lrange("rq:queue:inpaint", 0, -1) == [other["id"].encode()]
        assert not redis.exists(f"inpaint:inputs:{job['id']}")
    assert (await work.client.delete(f"/jobs/{job['id']}")).json()["state"] == "canceled"


async def test_a_running_job_is_canceled_down_to_the_engine(work: Work, files: dict) -> None:
    files = framed(files)
    work.engine.delay_seconds = FOREVER_SECONDS
    job = await work.post(files)
    running = asyncio.create_task(work.run(job))
    while work.engine.running == 0:
        await asyncio.sleep(0.02)
    assert (await work.get(job))["state"] == "running"
    await work.client.delete(f"/jobs/{job['id']}")
    await running
    assert work.engine.canceled == 1
    assert (await work.get(job))["state"] == "canceled"
    assert work.keys("results:*") == []


async def test_deleting_a_finished_job_deletes_its_pictures(work: Work, files: dict) -> None:
    job = await work.post(files)
    await work.run(job)
    body = (await work.client.delete(f"/jobs/{job['id']}")).json()
    assert (body["state"], body["result_expired"], body["result_url"]) == ("succeeded", True, None)
    problem(await work.result(job), 410, "result_expired")
    assert work.keys("results:*") == []


async def test_waiting_for_a_job_ends_with_it_or_with_the_time(work: Work, files: dict) -> None:
    job = await work.post(files)
    begin = time.monotonic()
    assert (await work.get(job, "?wait=0.4"))["state"] == "queued"
    assert time.monotonic() - begin >= 0.4
    waiting = asyncio.create_task(work.get(job, "?wait=30"))
    await asyncio.sleep(0.1)
    await work.run(job)
    assert (await asyncio.wait_for(waiting, 20))["state"] == "succeeded"
    problem(await work.client.get(f"/jobs/{job['id']}?wait=long"), 422, "bad_field")


async def test_the_wait_is_bounded(engine: FakeEngine, redis_server: RedisServer, files: dict) -> None:
    async with in_memory(engine, redis_url=redis_server.url, jobs_max_wait_seconds=0.3) as client:
        work = Work(client, engine, redis_server, {})
        job = await work.post(files)
        assert (await work.get(job, "?wait=600"))["state"] == "queued"


async def test_the_list_has_pages_and_the_newest_first(keyed: Work, files: dict) -> None:
    made = [(await keyed.post(files))["id"] for _ in range(5)]
    seen, url = [], "/jobs?limit=2"
    for _ in range(3):
        page = (await keyed.client.get(url)).json()
        seen += [job["id"] for job in page["jobs"]]
        url = f"/jobs?limit=2&cursor={page['next_cursor']}"
    assert seen == made[::-1]
    assert page["next_cursor"] is None
    problem(await keyed.client.get("/jobs?limit=0"), 422, "bad_field")
    problem(await keyed.client.get("/jobs?cursor=x"), 422, "bad_field")


async def test_without_keys_nobody_lists_jobs_and_an_id_opens_its_job(work: Work, files: dict) -> None:
    job = await work.post(files)
    problem(await work.client.get("/jobs"), 401, "key_missing")
    assert (await work.get(job))["id"] == job["id"]


async def test_anonymous_callers_have_idempotency_keys_of_their_own(work: Work, files: dict) -> None:
    def from_address(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(work.client._transport.app, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://test", headers={"idempotency-key": "k"})

    async with from_address("192.0.2.1") as one, from_address("192.0.2.2") as other:
        mine = (await one.post("/jobs", files=files)).json()["id"]
        assert (await other.post("/jobs", files=files)).json()["id"] != mine
        assert (await other.post("/jobs", files=files, data={"seed": "1"})).status_code == 422
        assert (await one.post("/jobs", files=files)).json()["id"] == mine


async def test_asking_for_a_results_headers_does_not_take_it(work: Work, files: dict) -> None:
    job = await work.post(files, data={"delete_on_fetch": "true"})
    await work.run(job)
    head = await work.client.head(f"/jobs/{job['id']}/result")
    assert (head.status_code, head.content) == (200, b"")
    assert (await work.result(job)).status_code == 200
    assert (await work.result(job)).status_code == 410


async def test_listing_takes_two_round_trips_however_many_jobs_there_are(keyed: Work, files: dict) -> None:
    def commands(name: str) -> int:
        with keyed.redis.client() as redis:
            return redis.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"]

    for _ in range(8):
        await keyed.post(files)
    before = commands("zscore"), commands("zrevrangebyscore")
    assert len((await keyed.client.get("/jobs")).json()["jobs"]) == 8
    assert commands("zscore") == before[0]
    assert commands("zrevrangebyscore") <= before[1] + 2


async def test_waiting_reads_a_state_once_and_hears_of_the_end(work: Work, files: dict) -> None:
    job = await work.post(files)

    def records_read() -> int:
        with work.redis.client() as redis:
            return redis.info("commandstats")["cmdstat_hgetall"]["calls"]

    begin_seconds, before = time.monotonic(), records_read()
    waiting = [asyncio.create_task(work.get(job, "?wait=20")) for _ in range(30)]
    await asyncio.sleep(1.5)
    assert records_read() - before <= 30 + 1
    await work.run(job)
    assert {answer["state"] for answer in await asyncio.gather(*waiting)} == {"succeeded"}
    assert time.monotonic() - begin_seconds < 15


async def test_an_unknown_job_is_404(work: Work) -> None:
    for job_id in ("0" * 32, "nothing", "A" * 32):
        for method, path in (("GET", ""), ("GET", "/result"), ("DELETE", "")):
            response = await work.client.request(method, f"/jobs/{job_id}{path}")
            assert response.status_code == 404
            assert response.json()["code"] == "unknown_job"


async def test_jobs_are_seen_by_their_key_alone(engine: FakeEngine, redis_server: RedisServer, files: dict) -> None:
    (mine, mine_entry), (other, other_entry) = make_key("mine", frozenset({"jobs"})), make_key("o", frozenset({"jobs"}))
    painter, painter_entry = make_key("painter", frozenset({"inpaint"}))
    keys = f"{mine_entry} {other_entry} {painter_entry}"
    async with in_memory(engine, redis_url=redis_server.url, api_keys=keys) as client:
        job = (await client.post("/jobs", files=files, headers={"x-api-key": mine, "idempotency-key": "k"})).json()
        for method, path in (("GET", ""), ("GET", "?wait=1"), ("GET", "/result"), ("DELETE", "")):
            response = await client.request(method, f"/jobs/{job['id']}{path}", headers={"x-api-key": other})
            problem(response, 404, "unknown_job")
        assert (await client.get("/jobs", headers={"x-api-key": other})).json()["jobs"] == []
        assert len((await client.get("/jobs", headers={"x-api-key": mine})).json()["jobs"]) == 1
        again = await client.post("/jobs", files=files, headers={"x-api-key": other, "idempotency-key": "k"})
        assert again.json()["id"] != job["id"]
        assert (await client.get(job["url"], headers={"x-api-key": mine})).json()["state"] == "queued"
        headers = {"x-api-key": painter, "prefer": "respond-async"}
        problem(await client.post("/inpaint", files=files, headers=headers), 401, "scope_missing")


async def test_a_job_belongs_to_the_trace_and_the_request_that_asked_for_it(
    work: Work, files: dict, caplog: pytest.LogCaptureFixture
) -> None:
    files = framed(files)
    caplog.set_level(logging.INFO, "service.jobs.tasks")
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "x-request-id": "r-7"}
    await work.run(await work.post(files, headers=headers))
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "service.jobs.tasks"]
    assert [line["message"] for line in lines] == ["job begins", "job ends"]
    assert {(line["request_id"], line["traceparent"].split("-")[1]) for line in lines} == {("r-7", trace_id)}
    assert "infer" in lines[1]["stage_seconds"]


async def test_a_full_queue_is_429_and_heals(engine: FakeEngine, redis_server: RedisServer, files: dict) -> None:
    async with in_memory(engine, redis_url=redis_server.url, jobs_queue_depth=2, jobs_caller_share=1) as client:
        work = Work(client, engine, redis_server, {})
        job = await work.post(files)
        await work.post(files)
        response = await client.post("/jobs", files=files)
        body = problem(response, 429, "overloaded")
        assert response.headers["retry-after"] == "5"
        assert body["errors"] == [{"actual": 2, "allowed": 2, "setting": "JOBS_QUEUE_DEPTH"}]
        await work.run(job)
        await work.post(files)


async def test_one_key_leaves_places_for_others_and_comes_in_turn(
    engine: FakeEngine, redis_server: RedisServer, files: dict
) -> None:
    keys = [make_key(name, frozenset({"jobs"})) for name in ("crowd", "single")]
    options = {"jobs_queue_depth": 4, "api_keys": " ".join(str(entry) for _, entry in keys)}
    async with in_memory(engine, redis_url=redis_server.url, **options) as client:
        work = Work(client, engine, redis_server, {})
        crowd, single = ({"x-api-key": key} for key, _ in keys)
        for _ in range(2):
            await work.post(files, headers=crowd)
        refused = await client.post("/jobs", files=files, headers=crowd)
        expected = [{"actual": 2, "allowed": 2, "setting": "JOBS_CALLER_SHARE"}]
        assert problem(refused, 429, "overloaded")["errors"] == expected
        assert (await work.post(files, headers=single))["queue_position"] == 2


async def test_high_priority_needs_its_scope(engine: FakeEngine, redis_server: RedisServer, files: dict) -> None:
    first, usual = make_key("first", frozenset({"jobs", "priority"})), make_key("usual", frozenset({"jobs"}))
    async with in_memory(engine, redis_url=redis_server.url, api_keys=f"{first[1]} {usual[1]}") as client:
        work = Work(client, engine, redis_server, {})
        high = {"priority": "high"}
        refused = await client.post("/jobs", files=files, data=high, headers={"x-api-key": usual[0]})
        assert problem(refused, 401, "scope_missing")["errors"][0]["scope"] == "priority"
        plain = await work.post(files, headers={"x-api-key": usual[0]})
        assert (plain["priority"], plain["queue_position"]) == ("normal", 1)
        soon = await work.post(files, data=high, headers={"x-api-key": first[0]})
        assert (soon["priority"], soon["queue_position"]) == ("high", 1)


async def test_priority_is_part_of_what_an_idempotency_key_stands_for(work: Work, files: dict) -> None:
    headers = {"idempotency-key": "once"}
    await work.post(files, headers=headers)
    await work.post(files, 422, headers=headers, data={"priority": "high"})


async def test_room_for_inputs_and_results_is_reserved(
    engine: FakeEngine, redis_server: RedisServer, files: dict
) -> None:
    reserved = sum(len(files[name][1]) for name in ("image", "mask")) + most_bytes(HOLE.shape[:2], has_alpha=False)
    async with in_memory(engine, redis_url=redis_server.url, jobs_max_bytes=2 * reserved + 100) as client:
        work = Work(client, engine, redis_server, {})
        jobs = [await work.post(files), await work.post(files)]
        response = await client.post("/jobs", files=files)
        assert problem(response, 429, "overloaded")["errors"][0]["setting"] == "JOBS_MAX_BYTES"
        await work.run(jobs[0])
        result = len((await work.result(jobs[0])).content)
        with redis_server.client() as redis:
            assert int(redis.get("inpaint:bytes:total")) == reserved + result
        for job in jobs:
            await client.delete(f"/jobs/{job['id']}")
        with redis_server.client() as redis:
            assert int(redis.get("inpaint:bytes:total")) == 0
        await work.post(files)


async def test_a_job_that_can_never_fit_is_422(engine: FakeEngine, redis_server: RedisServer, files: dict) -> None:
    async with in_memory(engine, redis_url=redis_server.url, jobs_max_bytes=10_000) as client:
        body = problem(await client.post("/jobs", files=files), 422, "too_many_pixels")
        assert (body["errors"][0]["allowed_bytes"], body["errors"][0]["setting"]) == (10_000, "JOBS_MAX_BYTES")


async def test_a_redis_without_memory_is_503_and_loses_no_job(keyed: Work, files: dict) -> None:
    work = keyed
    job = await work.post(files)
    with work.redis.without_memory():
        for path, headers in (
            ("/jobs", {}),
            ("/jobs", {"idempotency-key": "a"}),
            ("/inpaint", {"idempotency-key": "b"}),
        ):
            response = await work.client.post(path, files=files, headers=headers)
            problem(response, 503, "storage_full")
            assert int(response.headers["retry-after"]) >= 1
        assert (await work.client.post("/inpaint", files=files)).status_code == 200
    assert [listed["id"] for listed in (await work.client.get("/jobs")).json()["jobs"]] == [job["id"]]
    await work.run(job)
    assert (await work.get(job))["state"] == "succeeded"


async def test_a_job_that_meets_a_full_redis_fails_with_its_own_code(
    work: Work, files: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "STORE_SECONDS", 0.2)
    job = await work.post(files)
    with work.redis.without_memory():
        await work.run(job)
        done = await work.get(job)
        assert (done["state"], done["problem"]["code"], done["tries"]) == ("failed", "storage_full", 1)
    assert work.keys("inputs:*") + work.keys("results:*") == []


async def test_a_finished_picture_waits_for_room(work: Work, files: dict) -> None:
    files = framed(files)
    job = await work.post(files)
    with work.redis.without_memory():
        running = asyncio.create_task(work.run(job))
        while not work.engine.calls:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
    await running
    assert (await work.get(job))["state"] == "succeeded"


async def test_answers_for_keys_share_the_room_with_jobs(
    engine: FakeEngine, redis_server: RedisServer, files: dict
) -> None:
    reserved = sum(len(files[name][1]) for name in ("image", "mask")) + most_bytes(HOLE.shape[:2], has_alpha=False)
    async with in_memory(engine, redis_url=redis_server.url, jobs_max_bytes=reserved + 2000) as client:
        work = Work(client, engine, redis_server, {})
        answers = [await client.post("/inpaint", files=files, headers={"idempotency-key": f"k{n}"}) for n in range(20)]
        assert {answer.status_code for answer in answers} == {200}
        with redis_server.client() as redis:
            kept = [len(redis.hget(key, "answer")) for key in redis.keys("inpaint:idempotency:*")]
            assert int(redis.get("inpaint:bytes:total")) == sum(kept) <= reserved + 2000
        problem(await client.post("/jobs", files=files), 429, "overloaded")
        assert len(kept) < 20
        assert work.keys("job:*") == []


async def test_without_redis_jobs_are_503_and_inpaint_answers(served: Served, files: dict) -> None:
    async with served(redis_url="redis://127.0.0.1:1/0") as client:
        for response in (
            await client.post("/jobs", files=files),
            await client.get(f"/jobs/{'0' * 32}"),
            await client.post("/inpaint", files=files, headers={"prefer": "respond-async"}),
            await client.post("/inpaint", files=files, headers={"idempotency-key": "a"}),
        ):
            problem(response, 503, "jobs_unavailable")
            assert int(response.headers["retry-after"]) >= 1
        assert (await client.post("/inpaint", files=files)).status_code == 200
        ready = await client.get("/readyz")
        told = {"status": "ready", "jobs": "unavailable", "jobs_detail": "Redis: it refuses the connection"}
        assert (ready.status_code, ready.json()) == (200, told | {"models_without_snapshot": []})


async def test_the_same_key_gets_the_same_job(work: Work, files: dict) -> None:
    key = {"idempotency-key": "order 66"}
    first = await work.post(files, headers=key)
    assert (await work.post(files, headers=key))["id"] == first["id"]
    through_the_other_door = await work.client.post("/inpaint", files=files, headers={**key, "prefer": "respond-async"})
    assert through_the_other_door.json()["id"] == first["id"]
    await work.run(first)
    later = await work.post(files, headers=key)
    assert (later["id"], later["state"]) == (first["id"], "succeeded")
    problem(
        await work.client.post("/jobs", files=files, data={"seed": "2"}, headers=key), 422, "idempotency_key_reused"
    )
    assert (await work.post(files))["id"] != first["id"]


async def test_a_key_is_free_again_after_a_failure(work: Work, files: dict) -> None:
    key = {"idempotency-key": "k"}
    bad = form_files(png(scene()), png(box_mask() * 0))
    problem(await work.client.post("/jobs", files=bad, headers=key), 422, "empty_hole")
    await work.post(files, headers=key)


async def test_twenty_posts_at_once_with_one_key_make_one_job(work: Work, files: dict) -> None:
    key = {"idempotency-key": "race"}
    responses = await asyncio.gather(*(work.client.post("/jobs", files=files, headers=key) for _ in range(20)))
    made = {response.json()["id"] for response in responses if response.status_code == 202}
    assert len(made) == 1
    for response in responses:
        if response.status_code != 202:
            problem(response, 409, "idempotency_key_busy")
            assert response.headers["retry-after"] == "1"
    assert len(work.keys("job:*")) == 1
    assert (await work.post(files, headers=key))["id"] in made


async def test_inpaint_with_a_key_does_the_work_once(work: Work, files: dict) -> None:
    files = framed(files)
    key = {"idempotency-key": "k-1"}
    first = await work.client.post("/inpaint", files=files, headers=key)
    again = await work.client.post("/inpaint", files=files, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert again.headers["x-model"] == "lafin"
    assert work.engine.calls["lafin"] == 1
    problem(
        await work.client.post("/inpaint", files=files, data={"seed": "1"}, headers=key), 422, "idempotency_key_reused"
    )
    problem(await work.client.post("/inpaint", files=files, headers={"idempotency-key": "k" * 256}), 422, "bad_field")


async def test_inpaint_with_a_key_in_progress_is_409(work: Work, files: dict) -> None:
    files = framed(files)
    work.engine.delay_seconds = 0.4
    key = {"idempotency-key": "slow"}
    first = asyncio.create_task(work.client.post("/inpaint", files=files, headers=key))
    while work.engine.running == 0:
        await asyncio.sleep(0.02)
    problem(await work.client.post("/inpaint", files=files, headers=key), 409, "idempotency_key_busy")
    assert (await first).status_code == 200


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "ftp://example.com/", "x"],
)
async def test_a_webhook_to_a_forbidden_place_is_refused(
    engine: FakeEngine, redis_server: RedisServer, files: dict, url: str
) -> None:
    async with in_memory(engine, redis_url=redis_server.url, webhook_secret=SECRET) as client:
        problem(await client.post("/jobs", files=files, data={"webhook_url": url}), 422, "bad_webhook")
        good = await client.post("/jobs", files=files, data={"webhook_url": "https://example.com/hook"})
        assert good.status_code == 202


async def test_without_a_secret_webhooks_are_refused(work: Work, files: dict) -> None:
    response = await work.client.post("/jobs", files=files, data={"webhook_url": "https://example.com/"})
    assert problem(response, 422, "bad_webhook")["errors"][0]["setting"] == "WEBHOOK_SECRET"


async def test_metrics_count_jobs_wherever_they_ran(work: Work, files: dict) -> None:
    jobs = [await work.post(files) for _ in range(3)]
    await work.run(jobs[0])
    await work.client.delete(f"/jobs/{jobs[1]['id']}")
    text = (await work.client.get("/metrics")).text
    for line in (
        'inpaint_jobs_total{status="succeeded"} 1.0',
        'inpaint_jobs_total{status="canceled"} 1.0',
        'inpaint_queue_depth{queue="inpaint"} 1.0',
        'inpaint_queue_depth{queue="webhooks"} 0.0',
        "inpaint_job_queue_seconds_count 1.0",
        "inpaint_job_run_seconds_count 1.0",
    ):
        assert line in text, text
    assert not re.search(r"[0-9a-f]{32}", text)


async def test_a_webhook_is_told_in_the_job_and_sent_again(
    engine: FakeEngine, redis_server: RedisServer, files: dict
) -> None:
    async with in_memory(engine, redis_url=redis_server.url, webhook_secret=SECRET) as client:
        work = Work(client, engine, redis_server, {})
        url = "https://example.com/hook"
        job = await work.post(files, data={"webhook_url": url})
        assert job["webhook"] == {
            "url": url,
            "state": "pending",
            "tries": 0,
            "last_status": None,
            "last_error": None,
            "last_try_at": None,
            "next_try_at": None,
        }
        again = f"/jobs/{job['id']}/webhook"
        problem(await client.post(again), 409, "result_not_ready")
        await work.run(job)
        assert (await work.get(job))["webhook"]["next_try_at"] is not None
        with redis_server.client() as store:
            store.zrem("inpaint:webhooks", job["id"])
            response = await client.post(again)
            assert (response.status_code, response.json()["webhook"]["state"]) == (202, "pending")
            assert store.zscore("inpaint:webhooks", job["id"]) <= time.time()
        plain = await work.post(files)
        assert plain["webhook"] is None
        problem(await client.post(f"/jobs/{plain['id']}/webhook"), 422, "bad_webhook")
        problem(await client.post(f"/jobs/{'0' * 32}/webhook"), 404, "unknown_job")
