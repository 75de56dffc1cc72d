from __future__ import annotations

import hashlib

import numpy as np
import pytest

from service.completion.pipelines.dsa import Dsa
from service.completion.pipelines.protocol import FaceFrame, SampleSeed
from service.deadline import Deadline
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.pictures import box_mask


def frame(side: int) -> FaceFrame:
    """Drawn without floating point, so that the pinned hashes hold on every machine."""
    y, x = np.mgrid[0:side, 0:side]
    image = np.stack([x, y, x ^ y], axis=-1).astype(np.uint8)
    return FaceFrame(image, (box_mask(side, side) > 0).astype(np.uint8))


@pytest.mark.parametrize(
    ("side", "model", "digest"),
    [(256, "dsa_generator", "d0362b4d278be558"), (1024, "dsa_generator_1024", "a5d61c167b264ca7")],
)
async def test_the_frames_side_decides_who_paints(side: int, model: str, digest: str) -> None:
    engine = FakeEngine()
    completion = (await Dsa().complete(engine, frame(side), [SampleSeed(0)], Deadline(5)))[0]
    assert engine.calls == {model: 1}
    assert (completion.raw.shape, completion.landmarks) == ((side, side, 3), None)
    assert hashlib.sha256(completion.raw.tobytes()).hexdigest()[:16] == digest


async def test_landmarks_and_chance_change_nothing() -> None:
    plain = frame(256)
    seen = FaceFrame(plain.image, plain.hole, mean_shape())
    first, second = [
        (await Dsa().complete(FakeEngine(), one, [SampleSeed(seed)], Deadline(5)))[0]
        for one, seed in ((plain, 0), (seen, 9))
    ]
    assert np.array_equal(first.raw, second.raw)
