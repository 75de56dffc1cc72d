"""What deploy/README.md promises to operators."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.openapi import document
from service.jobs import redis_clients
from service.jobs.store import JobStore
from service.jobs.tasks import run_once
from tests.deploy.fetch_tools import compose as docker_compose
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.served_engine import ServedEngine
from tests.fakes.server import settings
from tests.service.api.conftest import form_files, framed, in_memory

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy" / "README.md").read_text()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    (tmp_path / "own").mkdir()
    with RedisServer(tmp_path / "own") as server:
        yield server


def test_every_endpoint_has_its_curl_line() -> None:
    asked = {re.sub(r"\?.*", "", path) for path in re.findall(r"\$url(/[\w./?=-]+)", TEXT)}
    shown = {path.replace("5c1f...", "{id}").replace("/models/lafin", "/models/{name}") for path in asked}
    assert set(document()["paths"]) <= shown


def test_every_variable_of_the_procfile_is_told() -> None:
    variables = set(re.findall(r"\$(\w+)", (ROOT / "Procfile").read_text()))
    assert variables
    assert all(f"`{name}`" in TEXT for name in variables)


def test_every_program_of_the_procfile_is_told() -> None:
    for module in re.findall(r"python -m (\S+(?: webhooks)?)", (ROOT / "Procfile").read_text()):
        assert f"`python -m {module}" in TEXT


COMPOSE = (ROOT / "docker-compose.yml").read_text()


def told_defaults() -> dict[str, str]:
    """Of the table of docker compose's variables, where it has one value for each name."""
    (table,) = re.findall(r"^\| variable \| default \| what \|\n(.*?)\n\n", TEXT, re.M | re.S)
    rows = [line.split(" | ")[:2] for line in table.splitlines()[1:]]
    pairs = [(names.strip("| ").split(", "), defaults.split(", ")) for names, defaults in rows]
    return {
        name.strip("`"): default
        for names, defaults in pairs
        if len(names) == len(defaults)
        for name, default in zip(names, defaults, strict=True)
    }


def test_every_variable_of_the_compose_file_is_told() -> None:
    """With its default; what `make up` computes is told in words."""
    used = dict(re.findall(r"\$\{(\w+):-([^{}]*)\}", COMPOSE))
    assert [name for name in used if f"`{name}`" not in TEXT and not name.endswith("_FINGERPRINT")] == []
    told = {name: default.strip("`") for name, default in told_defaults().items() if default.startswith("`")}
    assert len(told) > 10
    assert {name: used[name] for name in told} == told


def test_settings_that_compose_keeps_for_itself_are_told() -> None:
    """What stands in .env is not heard for them."""
    environment = yaml.safe_load(COMPOSE)["x-service"]["environment"]
    own = {name for name, value in environment.items() if f"${{{name}:-" not in value}
    secrets_and_addresses = {
        "HOST",
        "PORT",
        *(name for name in own if name.endswith(("_URL", "_FILE", "_KEYS", "_SECRET"))),
    }
    assert all(f"`{name}`" in TEXT.partition("are compose's own")[0] for name in own - secrets_and_addresses)


def test_the_override_that_is_shown_fits_the_compose_file(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(services:.*?)```", TEXT, re.S)
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    (tmp_path / "docker-compose.override.yml").write_text(shown)
    command = [docker_compose(), "--profile", "observability", "config", "--format", "json"]
    told = subprocess.run(command, cwd=tmp_path, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
    model = json.loads(told.stdout)
    reached = {name: set(service["networks"]) for name, service in model["services"].items()}
    assert "metrics" in reached["alertmanager"] & reached["prometheus"]
    assert all(reached[name] >= {"traces", "store"} for name in ("api", "worker", "webhooks"))
    assert not {"traces", "outside"} & {name for name, network in model["networks"].items() if network.get("internal")}


def test_what_is_built_and_backed_up_is_named_as_it_is() -> None:
    """Files, targets, volumes and images of the commands that are shown."""
    for file, target in re.findall(r"-f (docker/\w+\.Dockerfile)(?: --target (\w+))?", TEXT):
        assert f"AS {target or 'service'}" in (ROOT / file).read_text()
    images = set(re.findall(r"face-inpainting_redis:/data\S* .* (redis:\S+) cp", TEXT))
    assert images == set(re.findall(r"REDIS_IMAGE:-([^}]+)", COMPOSE))
    assert "redis" in yaml.safe_load(COMPOSE)["volumes"]
    redis = (ROOT / "deploy" / "kubernetes" / "base" / "redis.yaml").read_text()
    assert "metadata: {name: data}" in redis
    assert "`data-redis-0`" in TEXT


async def test_a_copy_of_redis_made_while_it_runs_holds_what_was_accepted(tmp_path: Path) -> None:
    original, backup = tmp_path / "redis", tmp_path / "backup"
    original.mkdir()
    engine, files = FakeEngine(), form_files(png(scene()), png(box_mask()))
    with RedisServer(original) as redis:
        async with in_memory(engine, redis_url=redis.url) as client:
            before = (await client.post("/jobs", files=files)).json()
            with redis.client() as commands:
                commands.config_set("auto-aof-rewrite-percentage", 0)
                assert commands.info("persistence")["aof_rewrite_in_progress"] == 0
                await asyncio.sleep(1.5)  # the file is written within a second
                shutil.copytree(original, backup, ignore=shutil.ignore_patterns("lock"))
            after = (await client.post("/jobs", files=files)).json()
    with RedisServer(backup) as redis:
        async with in_memory(engine, redis_url=redis.url) as client:
            assert (await client.get(f"/jobs/{after['id']}")).status_code == 404
            assert (await client.get(f"/jobs/{before['id']}")).json()["queue_position"] == 1
            await run_once(before["id"], settings(redis_url=redis.url), engine)
            assert (await client.get(f"/jobs/{before['id']}/result")).status_code == 200


async def test_under_another_version_of_a_model_requests_are_answered_and_jobs_wait(redis_server: RedisServer) -> None:
    """The engine goes and comes back while requests come and a job runs."""
    files = framed(form_files(png(scene()), png(box_mask())))
    with ServedEngine(FakeEngine()) as served:
        served.engine.delay_seconds = 0.1
        options = settings(redis_url=redis_server.url, engine_url=served.url)
        async with in_memory(None, redis_url=redis_server.url, engine_url=served.url) as client:  # type: ignore[arg-type]  # over gRPC
            batch = [(name, files[name]) for name in ("image", "mask")] * 6
            job = (await client.post("/jobs", files=batch, data={"align": "none"})).json()
            running = asyncio.create_task(run_once(job["id"], options))
            answers, over = [], asyncio.Event()

            async def ask() -> None:
                while not over.is_set():
                    answers.append(await client.post("/inpaint", files=files))
                    await asyncio.sleep(0.05)

            asking = [asyncio.create_task(ask()) for _ in range(2)]
            await asyncio.sleep(0.5)
            await asyncio.to_thread(served.stop)
            await asyncio.sleep(1)
            await asyncio.to_thread(served.start)
            await running
            seen = len(answers)
            while len(answers) < seen + 4:
                await asyncio.sleep(0.05)
            over.set()
            await asyncio.gather(*asking)
            store = redis_clients.asynchronous(options.redis_url)
            done = await JobStore(store, options).get(job["id"])
            await store.aclose()
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)
    assert [answer.status_code for answer in answers[-2:]] == [200, 200]
    assert done is not None
    assert (done.state, done.tries) == ("succeeded", 1)
    assert [item.state for item in done.items()] == ["succeeded"] * 6
