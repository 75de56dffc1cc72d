"""A large face gets a large frame, if there is a network for it."""

from __future__ import annotations

import numpy as np
import pytest

from service.completion.frame_sizes import LARGER, fitted, larger_frames
from service.completion.pipelines import PIPELINES
from service.completion.shares import Target
from service.engine.specs import SPECS
from service.imaging.geometry import FrameTransform
from tests.fakes.engine import FakeEngine


def face(side_pixels: float) -> Target:
    """A face whose aligned square in the photograph has this side."""
    return Target(FrameTransform.from_square((700.0, 600.0), side_pixels, (0.8, 0.6), 256), (0.0, 0.0, 1.0, 1.0))


def test_the_table_names_pipelines_and_models_of_that_size() -> None:
    for pipeline, sizes in LARGER.items():
        assert list(sizes) == sorted(sizes)
        for side, model in sizes.items():
            assert side > PIPELINES[pipeline].frame_pixels
            assert SPECS[model].inputs[0].shape == (3, side, side)
    assert larger_frames("lafin") == {}


@pytest.mark.parametrize(("side_pixels", "frame_pixels"), [(300, 256), (512, 256), (520, 1024), (3000, 1024)])
async def test_a_square_of_more_than_512_pixels_takes_1024(side_pixels: float, frame_pixels: int) -> None:
    (target,) = await fitted([face(side_pixels)], PIPELINES["dsa"], FakeEngine())
    assert target.transform.frame_pixels == frame_pixels


async def test_each_face_by_itself_and_the_engine_is_asked_for_large_ones_only() -> None:
    engine = FakeEngine()
    sizes = [target.transform.frame_pixels for target in await fitted([face(300), face(900)], PIPELINES["dsa"], engine)]
    assert (sizes, engine.asked_ready) == ([256, 1024], 1)
    await fitted([face(300)], PIPELINES["dsa"], engine)
    await fitted([face(900)], PIPELINES["lafin"], engine)
    assert engine.asked_ready == 1


async def test_without_that_network_a_large_face_stays_in_its_frame() -> None:
    engine = FakeEngine()
    engine.missing.add("dsa_generator_1024")
    (target,) = await fitted([face(900)], PIPELINES["dsa"], engine)
    assert np.array_equal(target.transform.matrix, face(900).transform.matrix)
    assert target.transform.frame_pixels == 256
