"""Finding the faces of a picture by the model `finder`, at any roll, also where parts of them are missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.deadline import Deadline
from service.engine import Engine
from service.engine.specs import FINDER_PIXELS
from service.imaging.arrays import Hole, Rgb, size_of
from service.imaging.faces import FaceBox
from service.imaging.holes import Region, bounds
from service.imaging.looks import Found, Look, boxes, distinct, enough, look, windows
from service.threads import ImagingThreads

FINDER = "finder"
LEAST_SCORE = 0.45  # of a face of which something is missing
LEAST_SEEN_SCORE = 0.47  # of one that is all there, such as a dog's that is looked at for one


class Finder:
    """Holds no state of a request."""

    def __init__(self, engine: Engine, threads: ImagingThreads) -> None:
        self._engine = engine
        self._threads = threads

    async def find(self, rgb: Rgb, hole: Hole, deadline: Deadline) -> list[FaceBox]:
        """The faces of a canvas, the surest first. What lies under the hole changes nothing.

        The whole of it is looked at first, its parts only where that does not say enough.
        """
        region = await self._threads.run(bounds, hole)
        whole, *parts = windows(size_of(rgb), region, FINDER_PIXELS)
        faces = await self._faces(rgb, hole, [whole], deadline)
        if parts and not enough(faces, size_of(rgb), region):
            faces += await self._faces(rgb, hole, parts, deadline)
        return distinct(faces)

    async def _faces(self, rgb: Rgb, hole: Hole, some: Sequence[Region], deadline: Deadline) -> list[FaceBox]:
        """What is seen in some windows of the canvas, in one call."""
        deadline.check()
        looks = await self._threads.run(looks_at, rgb, hole, some)
        answers = await self._ask(looks, deadline)
        return [
            face
            for looked, found in zip(looks, answers, strict=True)
            for face in boxes(looked, found, LEAST_SCORE, LEAST_SEEN_SCORE)
        ]

    async def _ask(self, looks: Sequence[Look], deadline: Deadline) -> Found:
        tensors = await self._threads.run(frames_of, looks)
        answer: Found = (await self._engine.infer(FINDER, tensors, deadline=deadline))["faces"].astype(np.float32)
        return answer


def frames_of(looks: Sequence[Look]) -> dict[str, NDArray[np.uint8]]:
    """What the model is given of several looks, one batch."""
    return {
        "image": np.stack([one.image.transpose(2, 0, 1) for one in looks]),
        "hole": np.stack([one.hole[None] for one in looks]),
    }


def looks_at(rgb: Rgb, hole: Hole, some: Sequence[Region]) -> list[Look]:
    """Windows of a canvas as the finder sees them."""
    return [look(rgb, hole, window, FINDER_PIXELS) for window in some]
