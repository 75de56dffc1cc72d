from __future__ import annotations

import hashlib

import numpy as np
import pytest

from service.completion.pipelines.protocol import Completion, FaceFrame, SampleSeed
from service.completion.pipelines.reference import GENERATOR, MAX_BATCH, NEAR_THE_REFERENCE, Reference, draw
from service.deadline import Deadline
from tests.contract.repositories import max_batch_size
from tests.fakes.engine import ATTRIBUTES, FakeEngine, seen
from tests.fakes.pictures import box_mask

FIRST, SECOND = SampleSeed(7, 0), SampleSeed(7, 1)


def frame(**guidance: object) -> FaceFrame:
    """Drawn without floating point, so that the pinned hash holds on every machine."""
    y, x = np.mgrid[0:256, 0:256]
    image = np.stack([x, y, x ^ y], axis=-1).astype(np.uint8)
    return FaceFrame(image, (box_mask(256, 256) > 0).astype(np.uint8), attribute_names=ATTRIBUTES, **guidance)


def other() -> np.ndarray:
    return np.full((256, 256, 3), 200, np.uint8)


async def complete(engine: FakeEngine, given: FaceFrame, sample_seed: SampleSeed = FIRST) -> Completion:
    (completion,) = await Reference().complete(engine, given, [sample_seed], Deadline(5))
    assert (completion.raw.shape, completion.raw.dtype) == ((256, 256, 3), np.uint8)
    assert completion.landmarks is None
    assert completion.attributes is not None
    return completion


def read(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return seen(image.transpose(2, 0, 1), hole[None])


async def test_without_a_reference_the_ensemble_reads_the_pictures_own_visible_part() -> None:
    engine, given = FakeEngine(), frame()
    completion = await complete(engine, given)
    assert engine.calls == {"reference": 1}
    assert np.allclose(completion.attributes, read(given.image, given.hole))
    assert hashlib.sha256(completion.raw.tobytes()).hexdigest()[:16] == "254d9a9e1ce6a2a3"


async def test_a_reference_is_read_whole() -> None:
    engine = FakeEngine()
    completion = await complete(engine, frame(reference=other()))
    assert engine.calls == {"reference": 1}
    assert np.allclose(completion.attributes, read(other(), np.zeros((256, 256), np.uint8)))


@pytest.mark.parametrize("reference", [None, other()])
async def test_single_attributes_are_set_by_name_and_the_others_stay(reference: np.ndarray | None) -> None:
    engine = FakeEngine()
    read_alone = (await complete(FakeEngine(), frame(reference=reference))).attributes
    completion = await complete(engine, frame(reference=reference, attributes={"happy": -1.0, "age": 0.25}))
    assert engine.calls == {"reference_extractor": 1, "reference_generator": 1}
    expected = np.array(read_alone)
    expected[[1, 2]] = 0.25, -1
    assert np.allclose(completion.attributes, expected)


async def test_later_samples_draw_what_the_caller_has_not_set() -> None:
    first, second = [
        (await complete(FakeEngine(), frame(attributes={"happy": 1.0}), SampleSeed(7, sample))).attributes
        for sample in (1, 2)
    ]
    drawn = draw(SECOND)
    assert np.array_equal(np.delete(first, 2), np.delete(drawn, 2))
    assert first[2] == second[2] == 1
    assert not np.allclose(np.delete(first, 2), np.delete(second, 2))


async def test_samples_are_read_once_painted_together_and_each_is_what_it_is_alone() -> None:
    engine, given = FakeEngine(), frame(reference=other())
    seeds = [SampleSeed(7, sample) for sample in range(6)]
    together = await Reference().complete(engine, given, seeds, Deadline(5))
    assert engine.calls == {"reference_extractor": 1, "reference_generator": 2}  # batches of four and two
    for seed, one in zip(seeds, together, strict=True):
        alone = await complete(FakeEngine(), given, seed)
        assert np.array_equal(one.raw, alone.raw)
        assert np.array_equal(one.attributes, alone.attributes)


def test_a_batch_is_as_large_as_the_generator_takes() -> None:
    assert max_batch_size(GENERATOR) == MAX_BATCH


async def test_near_a_reference_they_stay_like_it() -> None:
    own = (await complete(FakeEngine(), frame(reference=other()))).attributes
    drawn = (await complete(FakeEngine(), frame(reference=other()), SECOND)).attributes
    assert np.allclose(drawn, np.clip(own + NEAR_THE_REFERENCE * draw(SECOND), -1, 1))
    assert not np.allclose(own, drawn)


async def test_equal_dice_give_equal_bytes_and_others_do_not() -> None:
    engine = FakeEngine()
    first = (await complete(engine, frame(), SECOND)).raw
    assert np.array_equal(first, (await complete(engine, frame(), SECOND)).raw)
    assert not np.array_equal(first, (await complete(engine, frame(), SampleSeed(8, 1))).raw)
    assert not np.array_equal(first, (await complete(engine, frame(), SampleSeed(7, 2))).raw)


async def test_the_seed_changes_nothing_in_the_first_sample() -> None:
    assert np.array_equal(
        (await complete(FakeEngine(), frame())).raw, (await complete(FakeEngine(), frame(), SampleSeed(8))).raw
    )


def test_what_is_drawn_is_uniform_and_pinned() -> None:
    many = np.concatenate([draw(SampleSeed(seed, 1)) for seed in range(500)])
    assert -1 <= many.min() < -0.99
    assert 0.99 < many.max() < 1
    assert abs(float(many.mean())) < 0.03
    assert hashlib.sha256(draw(SECOND).tobytes()).hexdigest()[:16] == "e998dd169f39efe5"
