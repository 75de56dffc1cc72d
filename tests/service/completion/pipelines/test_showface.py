from __future__ import annotations

import numpy as np

from service.completion.pipelines.protocol import FaceFrame, SampleSeed
from service.completion.pipelines.showface import ShowFace
from service.deadline import Deadline
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask


def frame(landmarks: np.ndarray | None = None) -> FaceFrame:
    y, x = np.mgrid[0:256, 0:256]
    image = np.stack([x, y, x ^ y], axis=-1).astype(np.uint8)
    return FaceFrame(image, (box_mask(256, 256) > 0).astype(np.uint8), landmarks)


async def test_one_call_of_the_ensemble_paints_the_frame() -> None:
    engine = FakeEngine()
    completion = (await ShowFace().complete(engine, frame(), [SampleSeed(0)], Deadline(5)))[0]
    assert engine.calls == {"showface": 1}
    assert (completion.raw.shape, completion.raw.dtype) == ((256, 256, 3), np.uint8)
    assert completion.landmarks is None


async def test_landmarks_and_seeds_change_nothing() -> None:
    first = (await ShowFace().complete(FakeEngine(), frame(), [SampleSeed(0)], Deadline(5)))[0]
    other = (await ShowFace().complete(FakeEngine(), frame(np.full((68, 2), 9.0)), [SampleSeed(5, 1)], Deadline(5)))[0]
    assert np.array_equal(first.raw, other.raw)
