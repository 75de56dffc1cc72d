"""Baselines: what they are by name, and that known pixels stay."""

import cv2
import pytest
import torch

from training.baselines import BASELINES
from training.data.drawn import DrawnFaces
from training.framed import frame_faces


@pytest.mark.parametrize(("name", "method"), [("telea", cv2.INPAINT_TELEA), ("navier-stokes", cv2.INPAINT_NS)])
def test_each_is_opencvs_and_leaves_known_pixels(name: str, method: int):
    batch = next(frame_faces(DrawnFaces(3, 64, seed=2), 128).batches(3))
    given = batch.under("24px", seed=0)
    answer = BASELINES[name](given)
    assert answer.raw is not None
    expected = cv2.inpaint(given.image[1].permute(1, 2, 0).numpy().copy(), given.hole[1, 0].numpy() * 255, 3, method)
    assert torch.equal(answer.raw[1], torch.from_numpy(expected).permute(2, 0, 1))
    assert torch.equal(answer.raw * (1 - given.hole), batch.image * (1 - given.hole))
    assert answer.landmarks is None
