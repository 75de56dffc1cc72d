from __future__ import annotations

import hashlib

import numpy as np

from service.completion.pipelines.lafin import Lafin
from service.completion.pipelines.protocol import FaceFrame, SampleSeed
from service.deadline import Deadline
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.pictures import box_mask


def frame(landmarks: np.ndarray | None = None) -> FaceFrame:
    """Drawn without floating point, so that the pinned hashes hold on every machine."""
    y, x = np.mgrid[0:256, 0:256]
    image = np.stack([x, y, x ^ y], axis=-1).astype(np.uint8)
    return FaceFrame(image, (box_mask(256, 256) > 0).astype(np.uint8), landmarks)


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


async def test_without_landmarks_the_ensemble_predicts_them() -> None:
    engine = FakeEngine()
    completion = (await Lafin().complete(engine, frame(), [SampleSeed(0)], Deadline(5)))[0]
    assert engine.calls == {"lafin": 1}
    assert completion.landmarks is not None
    assert np.allclose(completion.landmarks, mean_shape())
    assert digest(completion.raw) == "e6a66a78615b8240"


async def test_with_landmarks_the_generator_obeys_them() -> None:
    engine, given = FakeEngine(), mean_shape() + 3
    completion = (await Lafin().complete(engine, frame(given), [SampleSeed(0)], Deadline(5)))[0]
    assert engine.calls == {"lafin_generator": 1}
    assert completion.landmarks is given
    assert digest(completion.raw) == "6ea3b895032cd904"


async def test_raw_is_an_rgb_picture_of_the_frames_size() -> None:
    completion = (await Lafin().complete(FakeEngine(), frame(), [SampleSeed(0)], Deadline(5)))[0]
    assert (completion.raw.shape, completion.raw.dtype) == ((256, 256, 3), np.uint8)
    x, y = np.rint(mean_shape()[30]).astype(int)
    assert completion.raw[y, x].tolist() == [255, 255, 255]
