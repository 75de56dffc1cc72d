"""DSA: one generator, whose attention looks from the hole to what is known. It has a second network for large faces."""

from __future__ import annotations

from collections.abc import Sequence

from service.completion.guidance import GuidanceName
from service.completion.pipelines.protocol import Completion, FaceFrame, SampleSeed, as_rgb, as_tensors
from service.deadline import Deadline
from service.engine import Engine

GENERATORS = {256: "dsa_generator", 1024: "dsa_generator_1024"}  # side of the frame -> model


class Dsa:
    name = "dsa"
    summary = "Learning Oracle Attention for High-fidelity Face Completion (Zhou et al. 2020); large faces at 1024 px."
    models = ("dsa_generator",)
    frame_pixels = 256
    guidance: frozenset[GuidanceName] = frozenset({"faces"})
    attributes: tuple[str, ...] = ()
    plural = False

    async def complete(
        self, engine: Engine, frame: FaceFrame, seeds: Sequence[SampleSeed], deadline: Deadline
    ) -> list[Completion]:
        """One call of the generator for frames of this side. It knows nothing of landmarks, and nothing is random."""
        model = GENERATORS[frame.image.shape[0]]
        outputs = await engine.infer(model, as_tensors(FaceFrame(frame.image, frame.hole)), deadline=deadline)
        return [Completion(as_rgb(outputs["raw"]), None)] * len(seeds)
