"""ShowFace: a coarse face, its parsing map, then the refinement with what the memory knows of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.completion.guidance import GuidanceName
from service.completion.pipelines.protocol import Completion, FaceFrame, SampleSeed, as_rgb, as_tensors
from service.deadline import Deadline
from service.engine import Engine


class ShowFace:
    name = "showface"
    summary = "ShowFace (Wu et al. 2022): coarse to fine, with a face parser and a memory for each class of a face."
    models = ("showface", "showface_coarse", "parser", "showface_refiner")
    frame_pixels = 256
    guidance: frozenset[GuidanceName] = frozenset({"faces"})
    attributes: tuple[str, ...] = ()
    plural = False

    async def complete(
        self, engine: Engine, frame: FaceFrame, seeds: Sequence[SampleSeed], deadline: Deadline
    ) -> list[Completion]:
        """One call of the ensemble. It knows nothing of landmarks, and nothing is random."""
        seen = FaceFrame(frame.image, frame.hole)
        outputs = await engine.infer("showface", as_tensors(seen), deadline=deadline)
        parsing = np.ascontiguousarray(outputs["parsing"][0, 0], dtype=np.uint8)
        completion = Completion(as_rgb(outputs["raw"]), None, coarse=as_rgb(outputs["coarse"]), parsing=parsing)
        return [completion] * len(seeds)
