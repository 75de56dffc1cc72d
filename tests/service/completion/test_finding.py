from __future__ import annotations

import numpy as np
import pytest

from service.completion.finding import Finder
from service.deadline import Deadline
from service.errors import DeadlineExceeded
from service.threads import ImagingThreads
from tests.fakes.engine import FakeEngine
from tests.fakes.faces import group, mouth_hole

GROUP = group()
NO_HOLE = np.zeros(GROUP.shape[:2], np.uint8)


def finder(engine: FakeEngine) -> Finder:
    return Finder(engine, ImagingThreads(1))


async def test_every_face_is_found_in_canvas_pixels() -> None:
    engine = FakeEngine()
    faces = await finder(engine).find(GROUP, NO_HOLE, Deadline(30))
    middles = sorted((face.x0 + face.x1) / 2 for face in faces)
    assert middles == pytest.approx([200, 600, 1000], abs=30)
    assert engine.calls == {"finder": 1}


async def test_the_looks_of_a_large_picture_go_to_the_engine_together() -> None:
    engine = FakeEngine()
    large = np.repeat(np.repeat(GROUP, 2, axis=0), 2, axis=1)
    faces = await finder(engine).find(large, np.zeros(large.shape[:2], np.uint8), Deadline(30))
    assert sorted((face.x0 + face.x1) / 2 for face in faces) == pytest.approx([400, 1200, 2000], abs=60)
    assert engine.calls == {"finder": 2}, "five looks, at most four at once"


@pytest.mark.parametrize(("seen", "calls"), [(1, 1), (0, 2)])
async def test_a_small_hole_is_looked_at_nearer_where_the_whole_picture_does_not_say_enough(
    seen: int, calls: int
) -> None:
    engine = FakeEngine()
    large = np.repeat(np.repeat(GROUP, 2, axis=0), 2, axis=1)
    if not seen:
        large[:] = 120
    hole = np.zeros(large.shape[:2], np.uint8)
    face = (await finder(FakeEngine()).find(GROUP, NO_HOLE, Deadline(30)))[0]
    x, y = int(face.x0 + face.x1), int(face.y0 + face.y1)
    hole[y - 40 : y + 40, x - 40 : x + 40] = 1
    await finder(engine).find(large, hole, Deadline(30))
    assert engine.calls == {"finder": calls}


async def test_what_lies_under_the_hole_changes_nothing() -> None:
    hole = (mouth_hole(1, 3) > 0).astype(np.uint8)
    pictures = [np.where(hole[..., None], np.uint8(level), GROUP) for level in (0, 255)]
    one, other = [await finder(FakeEngine()).find(picture, hole, Deadline(30)) for picture in pictures]
    assert one == other != []


async def test_a_picture_without_a_face_has_none() -> None:
    blank = np.full((300, 400, 3), 120, np.uint8)
    assert await finder(FakeEngine()).find(blank, np.zeros((300, 400), np.uint8), Deadline(30)) == []


async def test_a_deadline_that_is_gone_stops_it() -> None:
    with pytest.raises(DeadlineExceeded):
        await finder(FakeEngine()).find(GROUP, NO_HOLE, Deadline(0))
