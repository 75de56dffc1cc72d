"""The web application: its routes, its middleware, and what it opens while it runs."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from fastapi import FastAPI

from service.api import analysis, docs, inpaint, jobs, models, openapi, page, probes, problems
from service.api.admission import Admission
from service.api.dependencies import needs, needs_for_metrics
from service.api.key_watch import read_keys, watch_keys
from service.api.middleware import middleware
from service.api.query import KNOWN_QUERY
from service.api.rate_limit import RateLimiter
from service.api.readiness import Readiness
from service.api.state import ServiceState
from service.assembly import make_attribute_reader, make_inpainter, make_picture_parser, open_engine
from service.engine import Engine
from service.jobs.job_service import JobService, open_job_service
from service.keys import Keyring, parse_keys, parse_rate
from service.settings import BadSettings, Settings, load_settings
from service.telemetry.engine_calls import CountedEngine
from service.telemetry.exporting import name_spans
from service.telemetry.logs import configure_logs
from service.telemetry.metrics import Metrics
from service.telemetry.spans import telemetry
from service.threads import ImagingThreads
from service.version import service_version

TYPE_THIS = (
    "service: type `python -m service` (HOST, PORT and the other settings come from the environment); for several "
    "workers behind one port `uvicorn --factory service.app:build --workers 2`."
)
GUNICORN_GIVES_UP = 4
NOT_OF_UVICORN = "MAX_CONNECTIONS", "HEAD_TIMEOUT_SECONDS", "DOWNLOAD_TIMEOUT_SECONDS", "DRAIN_SECONDS"

logger = logging.getLogger("service")

DESCRIPTION = """Fills holes in face photographs. Send a picture and a mask to `POST /inpaint`; white in the mask marks
what is to be filled. Only jobs keep pictures, and only for a while. Every error is `application/problem+json` with a
stable `code`."""


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The application. `engine` is the one to use instead of the one at ENGINE_URL; its owner opens and closes it."""
    metrics = Metrics(service_version(), settings.prometheus_multiproc_dir)
    name_spans()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_engine(settings, engine) as opened, open_job_service(settings) as jobs:
            threads = ImagingThreads(settings.imaging_threads)
            rates = _rates(settings, metrics)
            service = _state(settings, metrics, CountedEngine(opened, metrics), threads, rates, jobs)
            app.state.service = service
            watch = await _watch(settings, service.keyring)
            try:
                yield
            finally:
                watch.cancel()
                await rates.close()
                threads.close()

    app = FastAPI(
        title="Face inpainting",
        version=service_version(),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=openapi.operation_id,
        telemetry=telemetry(settings.root_path),
        middleware=middleware(settings, metrics),
    )
    _mount(app, settings)
    problems.install(app)
    openapi.install(app)
    return app


def build() -> FastAPI:
    """The factory for `uvicorn --factory service.app:build`. Ends the process with one line if a setting is bad."""
    try:
        settings = load_settings()
    except BadSettings as error:
        sys.exit(f"service: {error}")
    configure_logs(settings.log_level)
    logger.warning("%s do not hold under uvicorn's own command; python -m service has them", ", ".join(NOT_OF_UVICORN))
    return create_app(settings)


def __getattr__(name: str) -> NoReturn:
    """There is no `app` to import: what uvicorn, gunicorn or fastapi would run of it has neither the logs nor the
    limits of the service. The exit status is the one after which gunicorn does not try again."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    print(TYPE_THIS, file=sys.stderr, flush=True)
    raise SystemExit(GUNICORN_GIVES_UP)


def _mount(app: FastAPI, settings: Settings) -> None:
    """Every router, with the scope that a key needs for it."""
    app.include_router(inpaint.router, dependencies=[needs("inpaint"), KNOWN_QUERY])
    app.include_router(jobs.router, dependencies=[needs("jobs"), KNOWN_QUERY])
    app.include_router(analysis.router, dependencies=[needs("analysis"), KNOWN_QUERY])
    app.include_router(models.router, dependencies=[needs(None), KNOWN_QUERY])
    app.include_router(probes.router)
    app.include_router(docs.router)
    app.include_router(page.router)
    app.include_router(probes.metrics_router, dependencies=needs_for_metrics(settings.open_metrics))


def _rates(settings: Settings, metrics: Metrics) -> RateLimiter:
    default = parse_rate(settings.rate_limit) if settings.rate_limit else None
    return RateLimiter(
        settings.redis_url.get_secret_value(), default, metrics, send_headers=settings.rate_limit_headers
    )


async def _watch(settings: Settings, keyring: Keyring) -> asyncio.Future[None]:
    """Keeps the keys as their file says; without a file there is nothing to watch."""
    if settings.api_keys_file is None:
        return asyncio.get_running_loop().create_future()
    first = await read_keys(settings.api_keys_file, keyring)
    return asyncio.create_task(watch_keys(settings.api_keys_file, keyring, first))


def _state(
    settings: Settings, metrics: Metrics, engine: Engine, threads: ImagingThreads, rates: RateLimiter, jobs: JobService
) -> ServiceState:
    return ServiceState(
        settings=settings,
        metrics=metrics,
        engine=engine,
        threads=threads,
        inpainter=make_inpainter(settings, engine, threads),
        picture_parser=make_picture_parser(settings, engine, threads),
        attribute_reader=make_attribute_reader(settings, engine, threads),
        admission=Admission(
            settings.max_concurrent_requests, settings.max_waiting_requests, metrics.waiting.labels("turn")
        ),
        keyring=Keyring(parse_keys(settings.api_keys.get_secret_value()), closed=settings.api_keys_file is not None),
        rates=rates,
        readiness=Readiness(engine, settings.readiness_cache_seconds, metrics.found_without_snapshot),
        jobs=jobs,
    )
