"""A pipeline that takes all guidance there is, though no paper does: it fills the hole with what it was given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.completion.guidance import NAMES, GuidanceName
from service.completion.pipelines.protocol import Completion, FaceFrame, SampleSeed
from service.deadline import Deadline
from service.engine import Engine


class Guided:
    """Paints the reference, brighter the more the face shall smile; keeps every frame that it was shown."""

    name = "guided"
    summary = "For tests."
    models = ("lafin_predictor",)
    frame_pixels = 256
    guidance: frozenset[GuidanceName] = frozenset(NAMES)
    attributes: tuple[str, ...] = ("Smiling", "Young")
    plural = False

    def __init__(self) -> None:
        self.frames: list[FaceFrame] = []

    async def complete(
        self, engine: Engine, frame: FaceFrame, seeds: Sequence[SampleSeed], deadline: Deadline
    ) -> list[Completion]:
        self.frames.append(frame)
        painted = np.zeros_like(frame.image) if frame.reference is None else frame.reference // 2
        smile = (frame.attributes or {}).get("Smiling", 0.0)
        raw = painted + np.uint8(60 + round(60 * smile))
        return [Completion(raw, frame.landmarks, coarse=raw, parsing=frame.hole)] * len(seeds)
