"""GFC: the hole is filled with noise, and the generator paints over it. Different noise gives a different result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.completion.guidance import GuidanceName
from service.completion.pipelines.protocol import Completion, FaceFrame, SampleSeed, as_rgb, as_tensors
from service.deadline import Deadline
from service.engine import Engine
from service.imaging.arrays import Floats


class Gfc:
    name = "gfc"
    summary = "Generative Face Completion (Li et al. 2017): several results from one photo; blend=poisson suits it."
    models = ("gfc_generator",)
    frame_pixels = 128
    guidance: frozenset[GuidanceName] = frozenset({"faces"})
    attributes: tuple[str, ...] = ()
    plural = True

    async def complete(
        self, engine: Engine, frame: FaceFrame, seeds: Sequence[SampleSeed], deadline: Deadline
    ) -> list[Completion]:
        """A call of the generator for each seed, one after another. It knows nothing of landmarks."""
        picture, completions = as_tensors(FaceFrame(frame.image, frame.hole)), []
        for seed in seeds:
            tensors = {**picture, "noise": noise(seed, self.frame_pixels)[None]}
            outputs = await engine.infer("gfc_generator", tensors, deadline=deadline)
            completions.append(Completion(as_rgb(outputs["raw"]), None))
        return completions


def noise(seed: SampleSeed, side_pixels: int) -> Floats:
    """Uniform in [-1,1), [3,F,F] float32, from PCG64's raw numbers: the same on every machine and numpy."""
    count = 3 * side_pixels * side_pixels
    raw = np.random.PCG64([seed.seed, seed.sample]).random_raw(count)
    values = (raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    drawn: Floats = values.reshape(3, side_pixels, side_pixels)
    return drawn
