"""LaFIn: landmarks first, then the picture. Landmarks are predicted in the same call, unless they are given."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.completion.guidance import GuidanceName
from service.completion.pipelines.protocol import Completion, FaceFrame, SampleSeed, as_rgb, as_tensors
from service.deadline import Deadline
from service.engine import Engine


class Lafin:
    name = "lafin"
    summary = "Generative Landmark Guided Face Inpainting (Yang et al. 2019)."
    models = ("lafin", "lafin_predictor", "lafin_generator")
    frame_pixels = 256
    guidance: frozenset[GuidanceName] = frozenset({"landmarks", "faces"})
    attributes: tuple[str, ...] = ()
    plural = False

    async def complete(
        self, engine: Engine, frame: FaceFrame, seeds: Sequence[SampleSeed], deadline: Deadline
    ) -> list[Completion]:
        """Without landmarks the ensemble predicts them; with landmarks the generator obeys them. Nothing is random."""
        if frame.landmarks is None:
            outputs = await engine.infer("lafin", as_tensors(frame), deadline=deadline)
            return [Completion(as_rgb(outputs["raw"]), outputs["landmarks"][0].astype(np.float64))] * len(seeds)
        outputs = await engine.infer("lafin_generator", as_tensors(frame), deadline=deadline)
        return [Completion(as_rgb(outputs["raw"]), frame.landmarks)] * len(seeds)
