"""The web application: its routes, its middleware, and what it opens while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from service.api import analysis, docs, inpaint, jobs, models, openapi, probes, problems
from service.api.admission import Admission
from service.api.dependencies import needs, needs_for_metrics
from service.api.key_watch import watch_keys
from service.api.middleware import middleware
from service.api.rate_limit import RateLimiter
from service.api.readiness import Readiness
from service.api.state import ServiceState
from service.assembly import make_inpainter, make_picture_parser, open_engine
from service.engine import Engine
from service.jobs.job_service import JobService, open_job_service
from service.keys import Keyring, parse_keys, parse_rate
from service.settings import Settings, load_settings
from service.telemetry.engine_calls import CountedEngine
from service.telemetry.metrics import Metrics
from service.telemetry.spans import TELEMETRY
from service.threads import ImagingThreads

DESCRIPTION = """Fills holes in face photographs. Send a picture and a mask to `POST /inpaint`; white in the mask marks
what is to be filled. Only jobs keep pictures, and only for a while. Every error is `application/problem+json` with a
stable `code`."""


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The application. `engine` is the one to use instead of the one at ENGINE_URL; its owner opens and closes it."""
    metrics = Metrics(service_version(), settings.prometheus_multiproc_dir)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_engine(settings, engine) as opened, open_job_service(settings) as jobs:
            threads = ImagingThreads(settings.imaging_threads)
            rates = _rates(settings, metrics)
            service = _state(settings, metrics, CountedEngine(opened, metrics), threads, rates, jobs)
            app.state.service = service
            watch = _watch(settings, service.keyring)
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
        telemetry=TELEMETRY,
        middleware=middleware(settings, metrics),
    )
    _mount(app, settings)
    app.add_api_route("/", _to_docs, include_in_schema=False)
    problems.install(app)
    openapi.install(app)
    return app


def build() -> FastAPI:
    """The factory for `uvicorn --factory service.app:build`."""
    return create_app(load_settings())


def service_version() -> str:
    """Of the installed package; a plain checkout has none."""
    try:
        return version("face-inpainting")
    except PackageNotFoundError:
        return "0+checkout"


def _mount(app: FastAPI, settings: Settings) -> None:
    """Every router, with the scope that a key needs for it."""
    app.include_router(inpaint.router, dependencies=[needs("inpaint")])
    app.include_router(jobs.router, dependencies=[needs("jobs")])
    app.include_router(analysis.router, dependencies=[needs("analysis")])
    app.include_router(models.router, dependencies=[needs(None)])
    app.include_router(probes.router)
    app.include_router(docs.router)
    app.include_router(probes.metrics_router, dependencies=needs_for_metrics(settings.open_metrics))


def _rates(settings: Settings, metrics: Metrics) -> RateLimiter:
    default = parse_rate(settings.rate_limit) if settings.rate_limit else None
    return RateLimiter(
        settings.redis_url.get_secret_value(), default, metrics, send_headers=settings.rate_limit_headers
    )


def _watch(settings: Settings, keyring: Keyring) -> asyncio.Future[None]:
    """Keeps the keys as their file says; without a file there is nothing to watch."""
    if settings.api_keys_file is None:
        return asyncio.get_running_loop().create_future()
    return asyncio.create_task(watch_keys(settings.api_keys_file, keyring))


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
        admission=Admission(settings.max_concurrent_requests, settings.max_waiting_requests),
        keyring=Keyring(parse_keys(settings.api_keys.get_secret_value()), closed=settings.api_keys_file is not None),
        rates=rates,
        readiness=Readiness(engine, settings.readiness_cache_seconds),
        jobs=jobs,
    )


async def _to_docs() -> RedirectResponse:
    return RedirectResponse("/docs")
