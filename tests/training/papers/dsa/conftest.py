"""A batch of drawn faces with the paper's holes."""

from __future__ import annotations

import pytest

from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, batches
from training.papers.dsa.recipe import BOXES, CHANCE

PIXELS = 128


@pytest.fixture(scope="session")
def batch() -> Batch:
    """Two faces at 128 px."""
    stream = FaceStream(DrawnFaces(2, PIXELS), BOXES, pixels=PIXELS, seed=0, wants=CHANCE)
    return next(batches(stream, start=0, batch_size=2, workers=0))
