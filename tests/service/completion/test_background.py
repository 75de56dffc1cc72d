from __future__ import annotations

import numpy as np
import pytest

from service.completion.background import fill_background
from service.completion.canvas import Canvas
from service.completion.shares import divide
from service.deadline import Deadline
from service.errors import DeadlineExceeded
from service.threads import ImagingThreads
from tests.fakes.pictures import scene
from tests.service.completion.test_shares import HEIGHT, WIDTH, face, hole


def canvas(missing: np.ndarray, alpha: np.ndarray | None = None) -> Canvas:
    return Canvas.emptied(scene(HEIGHT, WIDTH), alpha, missing)


async def filled(picture: Canvas, *faces: float, seconds: float = 60) -> Canvas:
    division = divide(picture.rgb, picture.hole, [face(x) for x in faces], 8)
    await fill_background(picture, division, ImagingThreads(1), Deadline(seconds))
    return picture


async def test_wide_and_thin_parts_are_filled_and_nothing_else_changes() -> None:
    missing = hole((50, 100, 110, 180), (300, 20, 304, 380), (600, 200, 700, 300))
    empty = canvas(missing).rgb
    picture = await filled(canvas(missing))
    assert np.array_equal(picture.rgb[missing == 0], scene(HEIGHT, WIDTH)[missing == 0])
    assert (picture.rgb[missing > 0] != empty[missing > 0]).any(axis=-1).mean() > 0.95
    off = np.abs(picture.rgb[missing > 0].astype(int) - scene(HEIGHT, WIDTH)[missing > 0])
    assert off.mean() < 25


async def test_a_faces_own_part_is_left_empty_and_its_soft_border_is_filled() -> None:
    missing = hole((280, 120, 620, 260))
    picture = canvas(missing)
    division = divide(picture.rgb, missing, [face(300)], 8)
    before = picture.rgb
    await fill_background(picture, division, ImagingThreads(1), Deadline(60))
    alone = (missing > 0) & (division.background == 0)
    assert np.array_equal(picture.rgb[alone], before[alone])
    assert (picture.rgb[division.background > 0] != before[division.background > 0]).any(axis=-1).mean() > 0.95


async def test_without_background_the_canvas_stays() -> None:
    picture = canvas(hole((260, 150, 340, 260)))
    before = picture.rgb
    await filled(picture, 300)
    assert picture.rgb is before


async def test_transparent_pixels_are_not_copied() -> None:
    """All but a stripe is transparent, and green there."""
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[100:300] = 255
    picture = canvas(hole((400, 180, 460, 230)), alpha)
    picture.rgb[alpha == 0] = (0, 255, 0)
    await filled(picture)
    inside = picture.rgb[180:230, 400:460].astype(int)
    assert (inside[..., 1] - inside[..., 0] < 200).all()


async def test_the_deadline_is_looked_at_between_parts() -> None:
    with pytest.raises(DeadlineExceeded):
        await filled(canvas(hole((50, 100, 110, 180))), seconds=0)
