"""The use case put together from the settings, for the API and for workers alike."""

from __future__ import annotations

from service.engine import Engine
from service.imaging.decode import ImageLimits
from service.inpaint import Inpainter
from service.settings import Settings
from service.threads import ImagingThreads


def make_inpainter(settings: Settings, engine: Engine, threads: ImagingThreads) -> Inpainter:
    """The use case with this service's limits."""
    limits = ImageLimits(settings.max_image_pixels, settings.max_side_pixels, settings.min_side_pixels)
    return Inpainter(
        engine,
        threads,
        limits,
        feather_pixels=settings.feather_pixels,
        max_faces=settings.max_faces,
        max_holes=settings.max_holes,
    )
