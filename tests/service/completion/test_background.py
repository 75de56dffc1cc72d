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


async def filled(picture: Canvas, seconds: float = 60) -> np.ndarray:
    division = divide(picture.rgb, picture.hole, [], 8)
    return await fill_background(picture, division, [], ImagingThreads(1), Deadline(seconds))


async def test_wide_and_thin_parts_are_filled_and_nothing_else_changes() -> None:
    missing = hole((50, 100, 110, 180), (300, 20, 304, 380), (600, 200, 700, 300))
    picture = canvas(missing)
    after = await filled(picture)
    assert np.array_equal(after[missing == 0], scene(HEIGHT, WIDTH)[missing == 0])
    assert (after[missing > 0] != picture.rgb[missing > 0]).any(axis=-1).mean() > 0.95
    assert np.abs(after[missing > 0].astype(int) - scene(HEIGHT, WIDTH)[missing > 0]).mean() < 25


async def test_it_goes_on_beside_a_face_that_is_painted_already() -> None:
    """The painting is red; beside it, where the picture says nothing, red goes on, and is not seen elsewhere."""
    missing = hole((280, 120, 620, 260))
    picture = canvas(missing)
    division = divide(picture.rgb, missing, [face(300)], 8)
    (share,) = division.shares
    red = np.zeros((*share.opacity.shape, 3), np.uint8)
    red[..., 0] = 250
    after = await fill_background(picture, division, [red], ImagingThreads(1), Deadline(60))
    core = share.opacity == 255
    assert (after[share.region.slices][core] == (250, 0, 0)).all()
    soft = division.background > 0
    assert (after[soft] != picture.rgb[soft]).any(axis=-1).mean() > 0.95
    assert np.array_equal(after[missing == 0], scene(HEIGHT, WIDTH)[missing == 0])


async def test_without_background_the_picture_is_the_canvas() -> None:
    picture = canvas(hole((260, 150, 340, 260)))
    division = divide(picture.rgb, picture.hole, [face(300)], 8)
    painting = np.zeros((*division.shares[0].opacity.shape, 3), np.uint8)
    assert await fill_background(picture, division, [painting], ImagingThreads(1), Deadline(60)) is picture.rgb


async def test_transparent_pixels_are_not_copied() -> None:
    """All but a stripe is transparent, and green there."""
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[100:300] = 255
    picture = canvas(hole((400, 180, 460, 230)), alpha)
    picture.rgb[alpha == 0] = (0, 255, 0)
    inside = (await filled(picture))[180:230, 400:460].astype(int)
    assert (inside[..., 1] - inside[..., 0] < 200).all()


async def test_the_deadline_is_looked_at_between_parts() -> None:
    with pytest.raises(DeadlineExceeded):
        await filled(canvas(hole((50, 100, 110, 180))), seconds=0)
