from __future__ import annotations

import numpy as np
import pytest

from service.completion.alignment import Aligner
from service.completion.attribute_reading import AttributeReader, AttributesAnswer
from service.completion.messages import LandmarksRequest
from service.deadline import Deadline
from service.errors import UnsupportedImage
from service.imaging.decode import ImageLimits
from service.telemetry.record import Stages
from service.threads import ImagingThreads
from tests.fakes.engine import ATTRIBUTES, FakeEngine, seen
from tests.fakes.faces import group, mouth_hole
from tests.fakes.pictures import png, scene


async def read(picture: np.ndarray, mask: np.ndarray | None = None) -> tuple[AttributesAnswer, FakeEngine]:
    engine, stages = FakeEngine(), Stages()
    reader = AttributeReader(engine, ImagingThreads(1), ImageLimits(10**6, 2000, 32), max_faces=8)
    request = LandmarksRequest(png(picture), None if mask is None else png(mask))
    answer = await reader.read(request, Deadline(30), stages)
    assert set(stages.seconds) == {"decode", "align", "infer"}
    return answer, engine


async def test_every_face_is_read_in_its_aligned_frame() -> None:
    picture = group((3, 4))
    answer, engine = await read(picture)
    assert (answer.model, answer.height, answer.width) == ("reference_extractor", *picture.shape[:2])
    assert engine.calls["reference_extractor"] == len(answer.faces) == 2
    aligner = Aligner(FakeEngine(), ImagingThreads(1), 8)
    whole = np.zeros(picture.shape[:2], np.uint8)
    aligned = await aligner.faces(picture, whole, Deadline(30), touching=False)
    for face, expected in zip(answer.faces, aligned, strict=True):
        frame = expected.transform.warp_image(picture).transpose(2, 0, 1)
        vector = seen(frame, np.zeros((1, 256, 256), np.uint8))
        assert list(face.attributes) == list(ATTRIBUTES)
        assert np.allclose(list(face.attributes.values()), vector)


async def test_what_lies_under_a_mask_is_not_read() -> None:
    picture, mask = group((3,)), mouth_hole(0, 1)
    painted = np.where(mask[..., None] > 0, np.uint8(255), picture)
    assert (await read(picture, mask))[0].faces[0].attributes == (await read(painted, mask))[0].faces[0].attributes
    assert (await read(picture))[0].faces[0].attributes != (await read(picture, mask))[0].faces[0].attributes


async def test_a_picture_without_a_face_has_none() -> None:
    assert (await read(scene()))[0].faces == []


async def test_what_is_no_picture_is_refused() -> None:
    reader = AttributeReader(FakeEngine(), ImagingThreads(1), ImageLimits(10**6, 2000, 32), max_faces=8)
    with pytest.raises(UnsupportedImage):
        await reader.read(LandmarksRequest(b"no picture"), Deadline(30), Stages())
