from __future__ import annotations

import hashlib

import numpy as np

from service.completion.pipelines.gfc import Gfc, noise
from service.completion.pipelines.protocol import FaceFrame, SampleSeed
from service.deadline import Deadline
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask


def frame() -> FaceFrame:
    """Drawn without floating point, so that the pinned hash holds on every machine."""
    y, x = np.mgrid[0:128, 0:128]
    image = np.stack([x, y, x ^ y], axis=-1).astype(np.uint8)
    return FaceFrame(image, (box_mask(128, 128) > 0).astype(np.uint8))


async def raw_of(sample_seed: SampleSeed) -> np.ndarray:
    completion = (await Gfc().complete(FakeEngine(), frame(), [sample_seed], Deadline(5)))[0]
    assert completion.landmarks is None
    return completion.raw


async def test_one_call_of_the_generator_paints_128_pixels() -> None:
    engine = FakeEngine()
    completion = (await Gfc().complete(engine, frame(), [SampleSeed(7)], Deadline(5)))[0]
    assert engine.calls == {"gfc_generator": 1}
    assert (completion.raw.shape, completion.raw.dtype) == ((128, 128, 3), np.uint8)
    assert hashlib.sha256(completion.raw.tobytes()).hexdigest()[:16] == "5f172987ef56d5c7"


async def test_equal_dice_give_equal_bytes_and_others_do_not() -> None:
    first = await raw_of(SampleSeed(7, 0))
    assert np.array_equal(first, await raw_of(SampleSeed(7, 0)))
    assert not np.array_equal(first, await raw_of(SampleSeed(8, 0)))
    assert not np.array_equal(first, await raw_of(SampleSeed(7, 1)))


def test_noise_is_uniform_and_pinned() -> None:
    drawn = noise(SampleSeed(0), 128)
    assert (drawn.shape, drawn.dtype) == ((3, 128, 128), np.float32)
    assert -1 <= drawn.min() < -0.999
    assert 0.999 < drawn.max() < 1
    assert abs(float(drawn.mean())) < 0.01
    assert abs(float(drawn.std()) - 3**-0.5) < 0.01
    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == "e7be3a888a41d252"
