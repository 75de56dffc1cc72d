"""What an answer shows of a pipeline's stages."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from service.completion.including import STAGES, included, refuse_stages
from service.completion.messages import InpaintRequest
from service.completion.pipelines import PIPELINES
from service.completion.pipelines.protocol import Completion
from service.deadline import Deadline
from service.errors import BadField, EngineGarbage
from service.threads import ImagingThreads
from tests.fakes.engine import FakeEngine

ORDER = InpaintRequest(b"", b"", model="showface", include=("coarse", "parsing"))


def completion(parsing_class: int = 3) -> Completion:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    return Completion(picture, None, coarse=picture[::-1].copy(), parsing=np.full((2, 2), parsing_class, np.uint8))


def test_every_stage_belongs_to_a_pipeline_that_there_is() -> None:
    assert set(STAGES) <= set(PIPELINES)


@pytest.mark.parametrize(("model", "name"), [("showface", "raw"), ("lafin", "coarse")])
def test_a_stage_that_a_model_does_not_have_is_refused(model: str, name: str) -> None:
    with pytest.raises(BadField) as refusal:
        refuse_stages(replace(ORDER, model=model, include=(name,)))
    assert refusal.value.errors == [{"field": "include", "model": model, "allowed": list(STAGES.get(model, ()))}]
    refuse_stages(ORDER)
    refuse_stages(replace(ORDER, model=model, include=()))


async def shown(request: InpaintRequest, engine: FakeEngine, parsing_class: int = 3) -> list[dict[str, bytes]]:
    threads = ImagingThreads(1)
    try:
        return await included(request, [completion(parsing_class)] * 2, engine, threads, Deadline(5))
    finally:
        threads.close()


async def test_each_face_shows_its_frames() -> None:
    faces = await shown(ORDER, FakeEngine())
    assert [list(face) for face in faces] == [["coarse", "parsing"]] * 2
    coarse, parsing = (Image.open(io.BytesIO(faces[0][name])) for name in ("coarse", "parsing"))
    assert np.array_equal(np.asarray(coarse), completion().coarse)
    assert parsing.mode == "P"
    assert np.array_equal(np.asarray(parsing), completion().parsing)


async def test_only_what_was_asked_for_is_made() -> None:
    engine = FakeEngine()
    assert await shown(replace(ORDER, include=()), engine) == []
    engine.up = False  # the classes have no names then
    assert [list(face) for face in await shown(replace(ORDER, include=("coarse",)), engine)] == [["coarse"]] * 2


async def test_a_class_without_a_name_is_the_engines_fault() -> None:
    with pytest.raises(EngineGarbage, match="class 4; it names 4"):
        await shown(ORDER, FakeEngine(), parsing_class=4)
