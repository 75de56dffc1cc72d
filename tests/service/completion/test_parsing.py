from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from service.completion.parsing import ParsingAnswer, ParsingRequest, PictureParser, count_classes, lay_on_canvas
from service.deadline import Deadline
from service.errors import DeadlineExceeded, EngineGarbage, SizesDiffer
from service.imaging.decode import ImageLimits
from service.imaging.geometry import FrameTransform
from service.telemetry.record import Stages
from service.threads import ImagingThreads
from tests.fakes.engine import FakeEngine
from tests.fakes.faces import group
from tests.fakes.pictures import box_mask, pixels, png, scene

SKIN, HAIR, EYE = 1, 2, 3  # of the fake engine


async def run(engine: FakeEngine, picture: np.ndarray, **changes: Any) -> ParsingAnswer:
    request = dataclasses.replace(ParsingRequest(png(picture)), **changes)
    parser = PictureParser(engine, ImagingThreads(1), ImageLimits(10**6, 2000, 32), max_faces=8)
    return await parser.parse(request, Deadline(30), Stages())


async def test_without_a_face_the_square_in_the_middle_is_parsed() -> None:
    engine = FakeEngine()
    answer = await run(engine, scene(300, 400))
    ids = pixels(answer.picture)
    assert (answer.model, answer.width, answer.height, answer.faces) == ("parser", 400, 300, [])
    assert engine.calls == {"finder": 1, "parser": 1}
    assert not ids[:, :50].any()
    assert not ids[:, 350:].any()
    assert (ids[:74, 60:340] == HAIR).all()
    assert (ids[76:, 60:340] == SKIN).all()


async def test_without_alignment_the_whole_picture_is_the_frame() -> None:
    answer = await run(FakeEngine(), scene(300, 400), align="none")
    ids = pixels(answer.picture)
    assert answer.faces == []
    assert (ids[:48, 16:] == HAIR).all()  # the frame reaches 50 pixels above the picture
    assert (ids[52:, 16:] == SKIN).all()
    assert set(np.unique(ids[:, :8])) <= {HAIR, SKIN, EYE}


async def test_every_face_is_parsed_in_its_own_frame() -> None:
    engine = FakeEngine()
    answer = await run(engine, group((3, 4)))
    assert len(answer.faces) == 2
    assert engine.calls == {"finder": 1, "lafin_predictor": 2, "parser": 2}
    ids = pixels(answer.picture)
    for face in answer.faces:
        x, y = ((face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2)
        assert ids[int(y), int(x)] == SKIN
    assert {0, SKIN, HAIR} <= set(np.unique(ids))


async def test_classes_come_with_names_colours_and_pixels() -> None:
    answer = await run(FakeEngine(), scene(256, 256), align="none")
    ids = pixels(answer.picture)
    assert [one.name for one in answer.classes] == ["background", "skin", "hair", "left_eye"]
    assert [one.pixels for one in answer.classes] == [int((ids == index).sum()) for index in range(4)]
    assert sum(one.pixels for one in answer.classes) == 256 * 256
    assert len({one.colour for one in answer.classes}) == 4


async def test_another_parser_is_served_with_its_own_names() -> None:
    engine = FakeEngine()
    engine.described = {"classes": "background,skin,brows,eyes,glasses"}
    answer = await run(engine, scene(256, 256))
    assert [one.name for one in answer.classes] == ["background", "skin", "brows", "eyes", "glasses"]


@pytest.mark.parametrize("described", [{}, {"classes": ""}, {"classes": "background,,skin"}])
async def test_a_parser_without_names_is_garbage(described: dict[str, str]) -> None:
    engine = FakeEngine()
    engine.described = described
    with pytest.raises(EngineGarbage, match="does not name its classes"):
        await run(engine, scene())


async def test_a_class_without_a_name_is_garbage() -> None:
    engine = FakeEngine()
    engine.described = {"classes": "background,skin"}
    with pytest.raises(EngineGarbage, match="answered class 2"):
        await run(engine, scene())


async def test_a_mask_must_fit_the_picture() -> None:
    answer = await run(FakeEngine(), scene(), mask=png(box_mask()))
    assert answer.faces == []
    with pytest.raises(SizesDiffer):
        await run(FakeEngine(), scene(), mask=png(box_mask(200, 200)))


async def test_stages_are_timed_in_their_order_and_the_deadline_holds() -> None:
    stages, engine = Stages(), FakeEngine()
    parser = PictureParser(engine, ImagingThreads(1), ImageLimits(10**6, 2000, 32), max_faces=8)
    await parser.parse(ParsingRequest(png(scene())), Deadline(30), stages)
    assert list(stages.seconds) == ["decode", "align", "infer", "compose", "encode"]
    with pytest.raises(DeadlineExceeded):
        await parser.parse(ParsingRequest(png(scene())), Deadline(0), Stages())
    assert engine.calls == {"finder": 1, "parser": 1}


def test_a_pixel_that_two_frames_show_belongs_to_the_nearer() -> None:
    frames = [FrameTransform.from_square((x, 50.0), 100.0, (1.0, 0.0), 256) for x in (50.0, 110.0)]
    maps = [np.full((256, 256), index, np.uint8) for index in (1, 2)]
    ids = lay_on_canvas(maps, frames, (100, 200))
    assert (ids[30:70, 5:78] == 1).all()
    assert (ids[30:70, 82:155] == 2).all()
    assert not ids[:, 165:].any()


def test_classes_that_no_pixel_has_are_listed() -> None:
    counted = count_classes(np.zeros((4, 4), np.uint8), ["background", "skin"])
    assert [(one.index, one.name, one.pixels) for one in counted] == [(0, "background", 16), (1, "skin", 0)]
