from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from service.api.readiness import MISSING_CACHE_SECONDS, Found, Readiness
from service.app import create_app
from service.jobs.redis_watch import KEPT_SECONDS
from tests.fakes.engine import FakeEngine
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings
from tests.fakes.waiting import soon
from tests.service.api.conftest import Served, framed


async def test_all_is_well(client: httpx.AsyncClient) -> None:
    for path, status in [("/livez", "alive"), ("/startupz", "started"), ("/readyz", "ready"), ("/healthz", "ready")]:
        response = await client.get(path)
        assert (response.status_code, response.json()["status"]) == (200, status)


async def test_without_an_engine_the_process_lives_and_is_not_ready(served: Served, engine: FakeEngine) -> None:
    engine.up = False
    async with served(readiness_cache_seconds=0) as client:
        assert (await client.get("/livez")).status_code == 200
        for path in ("/readyz", "/healthz", "/startupz"):
            response = await client.get(path)
            assert (response.status_code, response.json()["code"]) == (503, "engine_unavailable")
            assert int(response.headers["retry-after"]) >= 1
            assert {"model": "lafin_generator", "ready": False} in response.json()["errors"]
        engine.up = True
        assert (await client.get("/readyz")).status_code == 200
        engine.up = False
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/startupz")).status_code == 200


async def test_readiness_says_whether_anybody_works_on_jobs(served: Served, redis_server: RedisServer) -> None:
    now = datetime.now(UTC)
    workers = {"alive": now, "silent": now - timedelta(minutes=5)}
    with redis_server.client() as redis:
        for name in ("silent", "alive"):
            async with served(redis_url=redis_server.url) as client:
                ready = (await client.get("/readyz")).json()
                assert (ready["status"], ready["jobs"]) == ("ready", "no_worker")
                assert ready["jobs_detail"] == "no worker runs (python -m service.worker)"
            redis.sadd("rq:workers:inpaint", f"rq:worker:{name}", "rq:worker:forgotten")
            redis.hset(f"rq:worker:{name}", "last_heartbeat", workers[name].isoformat().replace("+00:00", "Z"))
        async with served(redis_url=redis_server.url) as client:
            ready = (await client.get("/readyz")).json()
            assert (ready["status"], ready["jobs"], ready["jobs_detail"]) == ("ready", "ready", None)
            redis.config_set("maxmemory-policy", "allkeys-lru")
            await asyncio.sleep(KEPT_SECONDS)
            risky = (await client.get("/readyz")).json()
            redis.config_set("maxmemory-policy", "noeviction")
            assert (risky["jobs"], "maxmemory-policy is allkeys-lru" in risky["jobs_detail"]) == ("ready", True)


async def test_a_model_without_a_snapshot_is_told_and_the_service_is_ready(served: Served, engine: FakeEngine) -> None:
    engine.missing.add("gfc_generator")
    async with served(readiness_cache_seconds=0) as client:
        assert (await client.get("/startupz")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["models_without_snapshot"]) == (200, ["gfc_generator"])
        told = (await client.get("/metrics")).text
        for model, without in (("gfc_generator", 1), ("lafin", 0)):
            assert f'inpaint_model_without_snapshot{{model="{model}"}} {without}.0' in told
        engine.missing.clear()
        assert (await client.get("/readyz")).json()["models_without_snapshot"] == []
        assert 'inpaint_model_without_snapshot{model="gfc_generator"} 0.0' in (await client.get("/metrics")).text


@pytest.mark.parametrize("model", ["finder", "lafin_predictor", "lafin", "parser"])
async def test_what_the_service_cannot_do_without_is_no_matter_of_snapshots(
    served: Served, engine: FakeEngine, model: str
) -> None:
    engine.missing |= {model, "gfc_generator"}
    async with served() as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.json()["errors"]) == (503, [{"model": model, "ready": False}])


async def test_an_engine_that_is_still_loading_lacks_no_snapshot(served: Served, engine: FakeEngine) -> None:
    engine.missing |= {None, "gfc_generator"}  # the engine as a whole, too
    async with served() as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.json()["errors"]) == (503, [{"model": "gfc_generator", "ready": False}])


async def test_readiness_is_asked_once_in_a_while(served: Served, engine: FakeEngine) -> None:
    async with served(readiness_cache_seconds=60) as client:
        assert (await client.get("/readyz")).status_code == 200
        engine.up = False
        assert (await client.get("/readyz")).status_code == 200


async def test_probes_at_once_ask_the_engine_once(
    served: Served, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, look = [], Readiness.look

    async def counted(readiness: Readiness) -> Found:
        looks.append(readiness)
        return await look(readiness)

    async with served(readiness_cache_seconds=0) as client:
        await client.get("/readyz")
        once = engine.asked_ready
        engine.may_say_ready.clear()
        monkeypatch.setattr(Readiness, "look", counted)
        probes = [asyncio.create_task(client.get("/readyz")) for _ in range(50)]
        await soon(lambda: len(looks) == 50, "a look by each probe")
        engine.may_say_ready.set()
        assert {answer.status_code for answer in await asyncio.gather(*probes)} == {200}
        assert engine.asked_ready == 2 * once


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    for path in ("/livez", "/readyz", "/models", "/limits", "/metrics", "/openapi.json"):
        got, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
    assert (await client.head("/inpaint")).status_code == 405
    refused = await client.post("/limits")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert 'method="HEAD",route="/livez",status="200"' in (await client.get("/metrics")).text


async def test_a_stopping_service_is_alive_but_not_ready() -> None:
    app = create_app(settings(), FakeEngine())
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        app.state.service.admission.draining = True
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["code"]) == (503, "draining")
        assert (await client.get("/livez")).status_code == 200


async def test_metrics_count_templates_and_codes(client: httpx.AsyncClient, files: dict) -> None:
    files = framed(files)
    await client.post("/inpaint", files=files)
    await client.post("/inpaint", files={**files, "model": (None, b"some-secret-model")})
    await client.get("/models/some-secret-name")
    await client.get("/some-secret-path")
    await client.request("BREW", "/livez")
    await client.get("/readyz")
    text = (await client.get("/metrics")).text
    for line in (
        'inpaint_http_requests_total{method="POST",route="/inpaint",status="200"} 1.0',
        'inpaint_http_requests_total{method="GET",route="/models/{name}",status="404"} 1.0',
        'inpaint_http_requests_total{method="GET",route="other",status="404"} 1.0',
        'inpaint_rejections_total{reason="unknown_model"} 2.0',
        'inpaint_engine_requests_total{code="ok",model="lafin"} 1.0',
        'inpaint_engine_ready{model="lafin"} 1.0',
        'inpaint_stage_duration_seconds_count{model="lafin",stage="compose"} 1.0',
        'inpaint_http_request_duration_seconds_count{method="POST",route="/inpaint",status_class="2xx"} 1.0',
        'inpaint_http_request_duration_seconds_count{method="POST",route="/inpaint",status_class="4xx"} 1.0',
        'inpaint_http_requests_waiting{awaited="turn"} 0.0',
        "inpaint_input_pixels_sum 120000.0",
        "inpaint_http_requests_in_flight 1.0",
    ):
        assert line in text
    assert "inpaint_build_info" in text
    assert 'method="OTHER"' in text
    assert "secret" not in text
    assert "BREW" not in text


async def test_metrics_come_as_openmetrics_on_request(client: httpx.AsyncClient) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5"
    response = await client.get("/metrics", headers={"accept": accept})
    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert response.text.endswith("# EOF\n")
    assert list(text_string_to_metric_families(response.text))
    plain = await client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_every_metric_says_what_it_counts_of_what_and_in_which_unit(
    served: Served, redis_server: RedisServer
) -> None:
    async with served(redis_url=redis_server.url) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    texts = dict(line.removeprefix("# HELP ").split(" ", 1) for line in lines if line.startswith("# HELP inpaint_"))
    assert len(texts) > 25
    for name, text in texts.items():
        assert len(text.split()) >= 4, f"{name}: {text}"
        assert "seconds" not in name or "Seconds" in text, f"{name}: {text}"
        assert "bytes" not in name or "ytes" in text, f"{name}: {text}"


async def test_probes_are_no_rejections_and_no_news(
    served: Served, engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "service.request")
    engine.up = False
    async with served() as client:
        for path in ("/livez", "/readyz", "/healthz", "/startupz"):
            await client.get(path)
        text = (await client.get("/metrics")).text
    assert "inpaint_rejections_total{" not in text
    assert 'route="/readyz",status="503"} 1.0' in text
    levels = {record.message: record.levelname for record in caplog.records if record.name == "service.request"}
    assert len(levels) == 5
    assert set(levels.values()) == {"DEBUG"}


async def test_a_loss_of_the_engine_is_logged_once_though_probes_are_not(
    served: Served, engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with served(readiness_cache_seconds=0) as client:
        for engine.up in (True, False, False, True, True):
            await client.get("/readyz")
            await asyncio.sleep(MISSING_CACHE_SECONDS)
    told = [record.getMessage() for record in caplog.records if record.name == "service.api.readiness"]
    assert len(told) == 2
    assert told[0].startswith("not ready: the engine does not answer for ")
    assert told[1] == "ready again"
