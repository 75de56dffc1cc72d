"""Fills the background of a divided hole: the thin parts together, then one wide part after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.completion.canvas import Canvas, lay
from service.completion.shares import HALF, Division
from service.deadline import Deadline
from service.imaging.arrays import Hole, Rgb
from service.imaging.background import fill_thin, fill_wide, thin_parts
from service.imaging.holes import Region
from service.threads import ImagingThreads


async def fill_background(
    canvas: Canvas, division: Division, paintings: Sequence[Rgb], threads: ImagingThreads, deadline: Deadline
) -> Rgb:
    """The canvas' picture with every background pixel filled, those too that a face will cover in part.

    The faces' paintings are there first, so that hair and neck go on beside them.
    """
    if not division.background_parts:
        return canvas.rgb
    rgb = await threads.run(lay, canvas.rgb, division.shares, paintings, cores_only=True)
    missing = division.background.copy()
    thin = await threads.run(thin_parts, missing)
    await threads.run(fill_thin, rgb, thin, missing)
    deadline.check()
    missing &= 1 - thin
    barred = division.barred if canvas.alpha is None else division.barred | (canvas.alpha < HALF)
    for part in division.background_parts:
        await threads.run(_fill_part, rgb, missing, barred, part)
        deadline.check()
    return rgb


def _fill_part(rgb: Rgb, missing: Hole, barred: Hole, part: Region) -> None:
    """In place: the part is filled, and no longer missing."""
    mine = missing[part.slices] > 0
    if mine.any():
        np.copyto(rgb[part.slices], fill_wide(rgb, missing, barred, part), where=mine[..., None])
        missing[part.slices] = 0
