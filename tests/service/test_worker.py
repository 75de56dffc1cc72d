"""Real workers, a real Redis, an engine behind a real port: what happens when one of them dies."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from service.jobs.queue import open_queue
from tests.contract.engines import ROOT
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, pixels, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted import Answer, scripted
from tests.fakes.served_engine import ServedEngine
from tests.fakes.waiting import FOREVER_SECONDS, PATIENCE_SECONDS, soon
from tests.service.api.conftest import form_files, in_memory

HOLE = box_mask() > 0
STAGES = ("decode", "align", "infer", "compose", "encode")
TO_THIS_MACHINE = {
    "webhook_secret": "whsec_" + base64.b64encode(bytes(32)).decode(),
    "webhook_allow_http": True,
    "webhook_allow_private": True,
}
OUTLIVED_SECONDS = 20.0  # a job's process is gone in a second; it waits for Redis or a receiver much longer
QUICK = {"JOBS_HEARTBEAT_SECONDS": "1", "WORKER_GRACE_SECONDS": "20"}


class Workers:
    """Worker processes of one test."""

    def __init__(self, redis: RedisServer, engine: ServedEngine, folder: Path) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in ("PORT", "HOST")},
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "REDIS_URL": redis.url,
            "ENGINE_URL": engine.url,
            **QUICK,
        }
        self._folder = folder
        self.log = folder / "workers.log"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, queue: str = "inpaint", code: str = "", **settings: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *(["-c", code] if code else ["-m", "service.worker", queue])],
                cwd=self._folder,
                env=self._environment | settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def end(self) -> None:
        for process in self.processes:
            family = [process, *children(process)] if process.poll() is None else []
            for member in family:
                with suppress(psutil.NoSuchProcess):  # it may end by itself meanwhile
                    member.kill()
            process.wait(10)


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def connected(process: psutil.Process, port: int) -> bool:
    """Whether it has a connection to `port` that is not broken."""
    established = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
    return any(one.raddr.port == port for one in established)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """One of the test's own: it dies in the middle."""
    (tmp_path / "redis").mkdir()
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def served() -> Iterator[ServedEngine]:
    with ServedEngine(FakeEngine()) as engine:
        yield engine


@pytest.fixture
def workers(redis: RedisServer, served: ServedEngine, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(redis, served, tmp_path)
    yield made
    made.end()


@pytest.fixture
async def client(redis: RedisServer, served: ServedEngine) -> AsyncIterator[httpx.AsyncClient]:
    async with in_memory(served.engine, redis_url=redis.url, jobs_max_wait_seconds=60) as client:
        yield client


async def post(client: httpx.AsyncClient, seed: int = 0, count: int = 1) -> str:
    form = form_files(png(scene(seed=seed)), png(box_mask()))
    files = [(name, form[name]) for name in ("image", "mask")] * count
    response = await client.post("/jobs", files=files, data={"align": "none"})
    assert response.status_code == 202, response.text
    return response.json()["id"]


async def ended(client: httpx.AsyncClient, job_id: str, seconds: float = 60) -> dict:
    response = await client.get(f"/jobs/{job_id}?wait={seconds}", timeout=seconds + 10)
    assert response.status_code == 200, response.text
    assert response.json()["finished_at"] is not None, response.json()
    return response.json()


async def until_shown(client: httpx.AsyncClient, *lines: str) -> None:
    """Until /metrics shows all of these lines."""
    end_seconds = time.monotonic() + PATIENCE_SECONDS
    while missing := set(lines) - set((text := (await client.get("/metrics")).text).splitlines()):
        assert time.monotonic() < end_seconds, f"{missing} of {text}"
        await asyncio.sleep(0.1)


async def assert_completed(client: httpx.AsyncClient, job_id: str, seed: int = 0) -> None:
    result = await client.get(f"/jobs/{job_id}/result")
    assert result.status_code == 200, result.text
    assert np.array_equal(pixels(result.content)[~HOLE], scene(seed=seed)[~HOLE])


async def test_jobs_are_run_in_order_by_a_process_without_grpc_and_torch(
    client: httpx.AsyncClient, workers: Workers
) -> None:
    ids = [await post(client, seed) for seed in range(3)]
    worker = workers.start()
    done = [await ended(client, job_id) for job_id in ids]
    assert [job["state"] for job in done] == ["succeeded"] * 3
    assert done[0]["finished_at"] <= done[1]["started_at"]
    for seed, job_id in enumerate(ids):
        await assert_completed(client, job_id, seed)
    maps = Path(f"/proc/{worker.pid}/maps").read_text()
    assert "grpc" not in maps
    assert "torch" not in maps


async def test_what_forked_jobs_did_is_in_the_metrics(client: httpx.AsyncClient, workers: Workers) -> None:
    ids = [await post(client, count=2), await post(client)]
    workers.start()
    for job_id in ids:
        assert (await ended(client, job_id))["state"] == "succeeded"
    await until_shown(
        client,
        'inpaint_job_engine_requests_total{code="ok",model="lafin"} 3.0',
        'inpaint_job_engine_request_duration_seconds_count{model="lafin"} 3.0',
        *(f'inpaint_job_stage_duration_seconds_count{{model="lafin",stage="{stage}"}} 3.0' for stage in STAGES),
        "inpaint_job_peak_memory_bytes_count 2.0",
        'inpaint_job_peak_memory_bytes_bucket{le="1073741824.0"} 2.0',
    )
    text = (await client.get("/metrics")).text
    assert 'inpaint_engine_requests_total{code="ok"' not in text, "those are the API's own"
    assert float(re.findall(r"inpaint_job_peak_memory_bytes_sum (\S+)", text)[0]) > 2 * 20_000_000


async def test_what_a_killed_job_did_with_its_first_items_is_counted(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine
) -> None:
    served.engine.delay_seconds = 0.5
    job_id = await post(client, count=3)
    worker = workers.start()
    await soon(lambda: served.engine.calls["lafin"] == 2)
    children(worker)[0].kill()
    served.engine.delay_seconds = 0
    assert (await ended(client, job_id))["state"] == "succeeded"
    shown = 'inpaint_job_stage_duration_seconds_count{model="lafin",stage="encode"} 3.0'
    await until_shown(client, shown, "inpaint_job_peak_memory_bytes_count 1.0")


async def test_a_worker_killed_in_the_middle_loses_nothing_and_the_result_is_written_once(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine, redis: RedisServer
) -> None:
    served.engine.delay_seconds = 3
    job_id = await post(client)
    worker = workers.start()
    await soon(lambda: served.engine.running == 1)
    (horse,) = children(worker)
    worker.kill()
    worker.wait(10)
    _, alive = psutil.wait_procs([horse], timeout=5)
    assert alive == [], "the job's process does not outlive its worker"
    assert (await client.get(f"/jobs/{job_id}")).json()["state"] == "running"
    served.engine.delay_seconds = 0
    workers.start()
    done = await ended(client, job_id)
    assert (done["state"], done["tries"]) == ("succeeded", 2)
    await assert_completed(client, job_id)
    with redis.client() as store:
        assert store.hlen(f"inpaint:results:{job_id}") == 1
        assert store.hget("inpaint:counts", "jobs:succeeded") == b"1"


async def test_a_job_that_waits_for_redis_ends_with_its_worker(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine, redis: RedisServer
) -> None:
    served.engine.delay_seconds = FOREVER_SECONDS
    await post(client)
    worker = workers.start()
    await soon(lambda: served.engine.running == 1)
    (horse,) = children(worker)
    redis.kill()
    with socket.create_server(("127.0.0.1", redis.port)):  # one that never says a word
        await soon(lambda: connected(horse, redis.port), "the job's wait for Redis")
        worker.kill()
        worker.wait(10)
        _, alive = psutil.wait_procs([horse], timeout=OUTLIVED_SECONDS)
    assert alive == []


async def test_a_delivery_is_one_process_that_lets_what_is_under_way_end(
    redis: RedisServer, served: ServedEngine, workers: Workers
) -> None:
    with scripted() as slow:
        slow.answers = [Answer(delay_seconds=3)]
        async with in_memory(served.engine, redis_url=redis.url, **TO_THIS_MACHINE) as client:
            form = form_files(png(scene()), png(box_mask()))
            job = (await client.post("/jobs", files=form, data={"webhook_url": f"{slow.url}/done"})).json()
            await client.delete(f"/jobs/{job['id']}")
            environment = {name.upper(): str(value) for name, value in TO_THIS_MACHINE.items()}
            worker = workers.start("webhooks", **environment)
            await soon(lambda: slow.asked != [])
            assert children(worker) == []
            worker.terminate()
            assert worker.wait(15) == 0
            told = (await client.get(f"/jobs/{job['id']}")).json()["webhook"]
            assert (told["state"], told["tries"], told["last_status"]) == ("delivered", 1, 200)


async def test_a_killed_job_process_is_replaced_at_once(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine
) -> None:
    served.engine.delay_seconds = 3
    job_id = await post(client)
    worker = workers.start()
    await soon(lambda: served.engine.running == 1)
    served.engine.delay_seconds = 0
    children(worker)[0].kill()
    done = await ended(client, job_id, 10)
    assert (done["state"], done["tries"]) == ("succeeded", 2)


async def test_a_job_that_kills_every_worker_fails_in_the_end(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine
) -> None:
    served.engine.delay_seconds = 5
    job_id = await post(client)
    worker = workers.start(JOBS_MAX_TRIES="2")
    for _ in range(2):
        await soon(lambda: served.engine.running == 1)
        children(worker)[0].kill()
        await soon(lambda: served.engine.running == 0)
    done = await ended(client, job_id)
    assert (done["state"], done["problem"]["code"]) == ("failed", "job_crashed")


async def test_a_batch_goes_on_where_its_killed_worker_stopped(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine
) -> None:
    served.engine.delay_seconds = 0.5
    job_id = await post(client, count=6)
    worker = workers.start()
    await soon(lambda: served.engine.calls["lafin"] == 4)
    children(worker)[0].kill()
    done = await ended(client, job_id)
    assert (done["state"], done["tries"]) == ("succeeded", 2)
    assert served.engine.calls["lafin"] == 7, "only the item under way was begun again"


async def test_redis_killed_and_restarted_loses_no_accepted_job(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine, redis: RedisServer
) -> None:
    served.engine.delay_seconds = 0.5
    workers.start()
    ids = [await post(client, seed) for seed in range(8)]
    await soon(lambda: served.engine.calls["lafin"] >= 2)
    redis.kill()
    refused = await client.get(f"/jobs/{ids[0]}")
    assert (refused.status_code, refused.json()["code"]) == (503, "jobs_unavailable")
    await asyncio.sleep(1)
    redis.start()
    done = [await ended(client, job_id) for job_id in ids]
    assert [job["state"] for job in done] == ["succeeded"] * 8
    for seed, job_id in enumerate(ids):
        await assert_completed(client, job_id, seed)


async def test_redis_may_go_and_come_back_under_an_idle_worker(
    client: httpx.AsyncClient, workers: Workers, redis: RedisServer
) -> None:
    worker = workers.start()
    await ended(client, await post(client))
    redis.kill()
    await asyncio.sleep(2)
    assert worker.poll() is None
    redis.start()
    assert (await ended(client, await post(client)))["state"] == "succeeded"


LOST = "Redis cannot be used"
IMPATIENT = "import service.worker as worker; worker.REDIS_TRIES = 1; raise SystemExit(worker.main([]))"


async def test_a_worker_that_has_lost_redis_begins_anew_and_hears_signals(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine, redis: RedisServer
) -> None:
    worker = workers.start(code=IMPATIENT)
    served.engine.delay_seconds = 1
    for _ in range(2):
        await lose_after_a_job(client, workers, served, redis)
        assert worker.poll() is None
        redis.start()
    await lose_after_a_job(client, workers, served, redis)
    worker.terminate()
    assert worker.wait(15) == 0


async def lose_after_a_job(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine, redis: RedisServer
) -> None:
    """Redis goes away before the worker has noted the end of a job, and the worker begins anew until it comes back.

    (An idle worker waits inside RQ, and begins nothing anew.)
    """
    (worker,), said = workers.processes, workers.log.read_text().count(LOST)
    job_id = await post(client)
    await soon(lambda: served.engine.running == 1, "the job's forward")
    (horse,) = children(worker)
    worker.send_signal(signal.SIGSTOP)
    assert (await ended(client, job_id))["state"] == "succeeded"
    await soon(lambda: horse.status() == psutil.STATUS_ZOMBIE, "the end of the job's process")
    redis.kill()
    worker.send_signal(signal.SIGCONT)
    await soon(lambda: workers.log.read_text().count(LOST) >= said + 2, "the loss of Redis")


@pytest.mark.parametrize("away_seconds", [0, 1.5])
async def test_an_idle_worker_without_redis_stops_at_once(
    client: httpx.AsyncClient, workers: Workers, redis: RedisServer, away_seconds: float
) -> None:
    worker = workers.start()
    await ended(client, await post(client))
    await asyncio.sleep(0.5)
    redis.kill()
    await asyncio.sleep(away_seconds)
    worker.terminate()
    assert worker.wait(15) == 0


async def test_an_engine_that_is_away_is_waited_for(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine
) -> None:
    served.stop()
    job_id = await post(client)
    workers.start()
    await soon(lambda: b"job begins" in workers.log.read_bytes())
    await asyncio.sleep(1)
    assert (await client.get(f"/jobs/{job_id}")).json()["state"] == "running"
    served.start()
    done = await ended(client, job_id)
    assert (done["state"], done["tries"]) == ("succeeded", 1)


async def test_an_engine_that_stays_away_fails_the_job(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine
) -> None:
    served.stop()
    job_id = await post(client)
    workers.start(JOBS_ENGINE_WAIT_SECONDS="1")
    done = await ended(client, job_id)
    assert (done["state"], done["problem"]["code"]) == ("failed", "engine_unavailable")
    result = await client.get(f"/jobs/{job_id}/result")
    assert (result.status_code, result.json()["code"]) == (503, "engine_unavailable")
    assert result.headers["retry-after"] == "1", "every 503 carries it"


async def test_a_running_job_is_canceled_and_the_worker_takes_the_next(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine
) -> None:
    served.engine.delay_seconds = FOREVER_SECONDS
    first, second = await post(client), await post(client)
    workers.start()
    await soon(lambda: served.engine.running == 1)
    served.engine.delay_seconds = 0
    assert (await client.delete(f"/jobs/{first}")).json()["state"] == "canceled"
    assert (await ended(client, second))["state"] == "succeeded"
    assert served.engine.canceled == 1
    assert (await client.get(f"/jobs/{first}/result")).status_code == 410


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
async def test_a_stop_finishes_the_running_job_and_leaves_the_others(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine, name: str
) -> None:
    served.engine.delay_seconds = 2
    first, second = await post(client), await post(client)
    worker = workers.start()
    await soon(lambda: served.engine.running == 1)
    worker.send_signal(signal.Signals[name])
    await soon(lambda: worker.poll() is not None)
    assert worker.returncode == 0
    assert (await ended(client, first, 0))["tries"] == 1
    waiting = (await client.get(f"/jobs/{second}")).json()
    assert (waiting["state"], waiting["queue_position"]) == ("queued", 1)


async def test_a_stop_that_cannot_wait_hands_the_job_back(
    client: httpx.AsyncClient, workers: Workers, served: ServedEngine
) -> None:
    served.engine.delay_seconds = FOREVER_SECONDS
    job_id = await post(client)
    worker = workers.start(WORKER_GRACE_SECONDS="1", JOBS_MAX_TRIES="1")
    await soon(lambda: served.engine.running == 1)
    worker.send_signal(signal.SIGTERM)
    await soon(lambda: worker.poll() is not None)
    assert worker.returncode == 0
    served.engine.delay_seconds = 0
    workers.start(JOBS_MAX_TRIES="1")
    done = await ended(client, job_id, 10)
    assert (done["state"], done["tries"]) == ("succeeded", 2)


async def test_an_idle_worker_stops_at_once(workers: Workers, client: httpx.AsyncClient) -> None:
    worker = workers.start()
    await ended(client, await post(client))
    await asyncio.sleep(0.5)
    worker.terminate()
    assert worker.wait(10) == 0
    assert "Traceback" not in workers.log.read_text()


def test_a_bad_setting_is_one_line(workers: Workers) -> None:
    worker = workers.start(REDIS_URL="nowhere")
    assert worker.wait(30) == 2
    assert workers.log.read_text() == "worker: Bad setting REDIS_URL: must start with redis://, rediss:// or unix://\n"


async def test_a_job_that_rq_has_forgotten_is_found_again(
    client: httpx.AsyncClient, workers: Workers, redis: RedisServer
) -> None:
    job_id = await post(client)
    with redis.client() as store:
        store.delete(f"rq:job:{job_id}", "rq:queue:inpaint")
        store.hset(f"inpaint:job:{job_id}", "created_at", repr(time.time() - 120))
    workers.start()
    assert (await ended(client, job_id, 20))["state"] == "succeeded"


async def test_a_webhook_is_delivered_by_its_own_worker_and_holds_up_no_job(
    redis: RedisServer, served: ServedEngine, workers: Workers
) -> None:
    allowed = TO_THIS_MACHINE
    environment = {name.upper(): str(value) for name, value in allowed.items()}
    workers.start("inpaint", **environment)
    workers.start("webhooks", **environment)
    form = form_files(png(scene()), png(box_mask()))
    with scripted() as dead, scripted() as receiver:
        dead.answers = [Answer(delay_seconds=4)]
        async with in_memory(served.engine, redis_url=redis.url, **allowed) as client:
            ids = []
            for hook in (dead, receiver):
                response = await client.post("/jobs", files=form, data={"webhook_url": f"{hook.url}/done"})
                ids.append(response.json()["id"])
            assert [(await ended(client, job_id))["state"] for job_id in ids] == ["succeeded"] * 2
            await soon(lambda: receiver.asked != [])
            told = json.loads(receiver.asked[0].body)
            assert (told["type"], told["data"]["id"]) == ("job.succeeded", ids[1])
            result = await client.get(told["data"]["result_url"])
            assert result.status_code == 200
            with redis.client() as store:
                await soon(lambda: store.hget("inpaint:counts", "webhooks:delivered") == b"2")


async def test_a_job_taken_by_a_worker_that_died_at_once_is_found_again(
    client: httpx.AsyncClient, workers: Workers, redis: RedisServer
) -> None:
    job_id = await post(client)
    with redis.client() as store:
        queue = open_queue(store)
        store.lmove(queue.key, queue.intermediate_queue_key)
        queue.intermediate_queue.set_first_seen(job_id)
        store.set(queue.intermediate_queue.get_first_seen_key(job_id), time.time() - 120)
    workers.start()
    assert (await ended(client, job_id, 20))["state"] == "succeeded"


async def test_a_worker_is_seen_and_tells_what_is_wrong_with_redis(
    client: httpx.AsyncClient, workers: Workers, redis: RedisServer
) -> None:
    with redis.client() as connection:
        connection.config_set("maxmemory-policy", "allkeys-lru")
    assert (await client.get("/readyz")).json()["jobs"] == "no_worker"
    workers.start()
    end_seconds = time.monotonic() + PATIENCE_SECONDS
    while (await client.get("/readyz")).json()["jobs"] != "ready":
        assert time.monotonic() < end_seconds
        await asyncio.sleep(0.05)
    assert "Redis: its maxmemory-policy is allkeys-lru, which may drop accepted jobs" in workers.log.read_text()


async def test_a_worker_says_that_its_password_is_wrong_and_not_which(workers: Workers, redis: RedisServer) -> None:
    with redis.client() as connection:
        connection.config_set("requirepass", "right")
    workers.start(REDIS_URL=redis.url.replace("://", "://:the-wrong-one@"))
    await soon(lambda: "it refuses the user or the password of REDIS_URL" in workers.log.read_text(), "the reason")
    assert "the-wrong-one" not in workers.log.read_text()
