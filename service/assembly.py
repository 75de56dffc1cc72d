"""Makes the use case and its engine client from the settings, for the API and for the processes of jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.completion.attribute_reading import AttributeReader
from service.completion.inpaint import Inpainter
from service.completion.parsing import PictureParser
from service.engine import Engine
from service.imaging.decode import ImageLimits
from service.settings import Settings
from service.threads import ImagingThreads


def make_inpainter(settings: Settings, engine: Engine, threads: ImagingThreads) -> Inpainter:
    """The use case with this service's limits."""
    return Inpainter(
        engine,
        threads,
        image_limits(settings),
        feather_pixels=settings.feather_pixels,
        max_faces=settings.max_faces,
        max_holes=settings.max_holes,
        max_samples_pixels=settings.max_samples_pixels,
    )


def make_picture_parser(settings: Settings, engine: Engine, threads: ImagingThreads) -> PictureParser:
    """The use case of POST /parsing with this service's limits."""
    return PictureParser(engine, threads, image_limits(settings), max_faces=settings.max_faces)


def make_attribute_reader(settings: Settings, engine: Engine, threads: ImagingThreads) -> AttributeReader:
    """The use case of POST /attributes with this service's limits."""
    return AttributeReader(engine, threads, image_limits(settings), max_faces=settings.max_faces)


def image_limits(settings: Settings) -> ImageLimits:
    """What a picture may be."""
    return ImageLimits(settings.max_image_pixels, settings.max_side_pixels, settings.min_side_pixels)


@asynccontextmanager
async def open_engine(settings: Settings, engine: Engine | None = None) -> AsyncIterator[Engine]:
    """The client of the engine at ENGINE_URL, or `engine` instead, which its owner opens and closes.

    gRPC is loaded here and no sooner: a channel does not survive a fork, and a worker that forks must not hold one.
    """
    if engine is not None:
        yield engine
        return
    from service.engine.client import EngineClient

    async with EngineClient(settings.engine_url) as client:
        yield client
