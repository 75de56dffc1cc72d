"""Fills the background of a divided hole: the thin parts together, then one wide part after the other."""

from __future__ import annotations

import numpy as np

from service.completion.canvas import OPAQUE, Canvas
from service.completion.shares import Division
from service.deadline import Deadline
from service.imaging.arrays import Hole, Rgb
from service.imaging.background import fill_thin, fill_wide, thin_parts
from service.imaging.holes import Region
from service.threads import ImagingThreads


async def fill_background(canvas: Canvas, division: Division, threads: ImagingThreads, deadline: Deadline) -> None:
    """Every background pixel of the canvas is filled, those too that a face will cover in part."""
    if not division.background_parts:
        return
    rgb = canvas.rgb.copy()
    thin = await threads.run(thin_parts, division.background)
    await threads.run(fill_thin, rgb, thin, canvas.hole)
    deadline.check()
    wide, missing = division.background & (1 - thin), canvas.hole & (1 - thin)
    barred = division.barred if canvas.alpha is None else division.barred | (canvas.alpha < OPAQUE // 2)
    for part in division.background_parts:
        await threads.run(_fill_part, rgb, wide, missing, barred, part)
        deadline.check()
    canvas.rgb = rgb


def _fill_part(rgb: Rgb, wide: Hole, missing: Hole, barred: Hole, part: Region) -> None:
    """In place: the part is filled, and no longer missing."""
    mine = wide[part.slices] > 0
    if mine.any():
        painting = fill_wide(rgb, missing, barred, part)
        np.copyto(rgb[part.slices], painting, where=mine[..., None])
        missing[part.slices][mine] = 0
