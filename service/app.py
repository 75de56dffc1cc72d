"""The web application: settings in, routes and layers on, the engine client opened while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from service.api import analysis, document, inpaint, models, probes, problems
from service.api.admission import Admission
from service.api.door import Door
from service.api.state import Readiness, ServiceState
from service.api.uploads import UploadLimits
from service.engine import Engine
from service.engine.client import EngineClient
from service.imaging.decode import ImageLimits
from service.inpaint import Inpainter
from service.settings import Settings, load_settings
from service.telemetry.engine import CountedEngine
from service.telemetry.metrics import Metrics
from service.threads import ImagingThreads

DESCRIPTION = """Fills holes in face photographs. Send a picture and a mask to `POST /inpaint`; white in the mask marks
what is to be filled. Nothing that is sent is kept. Every error is `application/problem+json` with a stable `code`."""


def create_app(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The application. `engine` is the one to use instead of the one at ENGINE_URL; its owner opens and closes it."""
    metrics = Metrics(service_version())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _opened(settings, engine) as opened:
            threads = ImagingThreads(settings.imaging_threads)
            app.state.service = _state(settings, metrics, CountedEngine(opened, metrics), threads)
            try:
                yield
            finally:
                threads.close()

    app = FastAPI(
        title="Face inpainting", version=service_version(), description=DESCRIPTION, lifespan=lifespan, redoc_url=None
    )
    for part in (inpaint, analysis, models, probes):
        app.include_router(part.router)
    app.add_api_route("/", _to_docs, include_in_schema=False)
    problems.install(app)
    document.install(app)
    app.add_middleware(UploadLimits, settings.max_body_bytes, settings.upload_timeout_seconds)
    app.add_middleware(Door, metrics)  # the last added is the outermost
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


@asynccontextmanager
async def _opened(settings: Settings, engine: Engine | None) -> AsyncIterator[Engine]:
    if engine is not None:
        yield engine
        return
    async with EngineClient(settings.engine_url) as client:
        yield client


def _state(settings: Settings, metrics: Metrics, engine: Engine, threads: ImagingThreads) -> ServiceState:
    limits = ImageLimits(settings.max_image_pixels, settings.max_side_pixels, settings.min_side_pixels)
    return ServiceState(
        settings=settings,
        metrics=metrics,
        engine=engine,
        inpainter=Inpainter(
            engine,
            threads,
            limits,
            feather_pixels=settings.feather_pixels,
            max_faces=settings.max_faces,
            max_holes=settings.max_holes,
        ),
        admission=Admission(settings.max_concurrent_requests, settings.max_waiting_requests),
        readiness=Readiness(engine, settings.readiness_cache_seconds),
    )


async def _to_docs() -> RedirectResponse:
    return RedirectResponse("/docs")
