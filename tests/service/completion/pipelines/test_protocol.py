from __future__ import annotations

import numpy as np
import pytest

from service.completion.pipelines import PIPELINES, pipeline_named
from service.completion.pipelines.protocol import FaceFrame, as_rgb, as_tensors
from service.engine.specs import SPECS
from service.errors import UnknownModel


def test_a_frame_becomes_a_batch_of_one_and_back() -> None:
    image = np.arange(256 * 256 * 3, dtype=np.uint32).astype(np.uint8).reshape(256, 256, 3)
    tensors = as_tensors(FaceFrame(image, np.ones((256, 256), np.uint8), np.full((68, 2), 1.5)))
    assert {name: (array.shape, array.dtype.name) for name, array in tensors.items()} == {
        "image": ((1, 3, 256, 256), "uint8"),
        "hole": ((1, 1, 256, 256), "uint8"),
        "landmarks": ((1, 68, 2), "float32"),
    }
    assert np.array_equal(as_rgb(tensors["image"]), image)


def test_a_frame_without_landmarks_sends_none() -> None:
    tensors = as_tensors(FaceFrame(np.zeros((256, 256, 3), np.uint8), np.ones((256, 256), np.uint8)))
    assert set(tensors) == {"image", "hole"}


@pytest.mark.parametrize("name", PIPELINES)
def test_every_pipeline_goes_by_its_own_name_and_calls_known_models(name: str) -> None:
    pipeline = pipeline_named(name)
    assert pipeline.name == name
    assert set(pipeline.models) <= set(SPECS)
    assert all(pipeline.frame_pixels == SPECS[model].inputs[0].shape[-1] for model in pipeline.models)


def test_another_name_is_unknown_and_not_repeated() -> None:
    with pytest.raises(UnknownModel) as raised:
        pipeline_named("<nonsense>")
    assert raised.value.errors == [{"field": "model", "allowed": list(PIPELINES)}]
    assert "nonsense" not in raised.value.detail
