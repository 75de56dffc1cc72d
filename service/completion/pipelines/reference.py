"""Reference: the attributes of another picture, or of the picture's own visible part, shape what fills the hole.

Single attributes can be set by name. From the second sample on attributes are drawn: all that the caller has not set,
at random, or near those of a reference, if there is one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.completion.guidance import GuidanceName
from service.completion.pipelines.protocol import Completion, FaceFrame, SampleSeed, as_rgb, as_tensors
from service.deadline import Deadline
from service.engine import Engine
from service.engine.specs import ATTRIBUTES
from service.imaging.arrays import Hole, Rgb

EXTRACTOR = "reference_extractor"
GENERATOR = "reference_generator"
NEAR_THE_REFERENCE = 0.5  # how far drawn attributes may lie from a reference's

Vector = NDArray[np.float32]  # [A] in [-1,1]


class Reference:
    name = "reference"
    summary = "Reference Guided Face Inpainting using Facial Attributes (Yoon et al. 2021)."
    models = ("reference", EXTRACTOR, GENERATOR)
    frame_pixels = 256
    guidance: frozenset[GuidanceName] = frozenset({"faces", "reference", "attributes"})
    attributes: tuple[str, ...] = ()  # the extractor's, which its config.pbtxt names
    plural = True

    async def complete(
        self, engine: Engine, frame: FaceFrame, sample_seed: SampleSeed, deadline: Deadline
    ) -> Completion:
        """The ensemble in one call where nothing changes the attributes it reads; else extractor, then generator."""
        shown, hidden = (frame.image, frame.hole) if frame.reference is None else (frame.reference, no_hole(frame.hole))
        picture = as_tensors(FaceFrame(frame.image, frame.hole))
        if not frame.attributes and sample_seed.sample == 0:
            seen = as_tensors(FaceFrame(shown, hidden))
            tensors = {**picture, "reference": seen["image"], "reference_hole": seen["hole"]}
            outputs = await engine.infer(self.name, tensors, deadline=deadline)
            return Completion(as_rgb(outputs["raw"]), None, outputs["attributes"][0])
        vector = await self._vector(engine, frame, (shown, hidden), sample_seed, deadline)
        outputs = await engine.infer(GENERATOR, {**picture, "attributes": vector[None]}, deadline=deadline)
        return Completion(as_rgb(outputs["raw"]), None, vector)

    async def _vector(
        self, engine: Engine, frame: FaceFrame, shown: tuple[Rgb, Hole], sample_seed: SampleSeed, deadline: Deadline
    ) -> Vector:
        """What the generator obeys: seen, drawn anew, then set by name."""
        outputs = await engine.infer(EXTRACTOR, as_tensors(FaceFrame(*shown)), deadline=deadline)
        vector = np.array(outputs["attributes"][0], np.float32)
        if sample_seed.sample:
            drawn = draw(sample_seed)
            near = np.clip(vector + NEAR_THE_REFERENCE * drawn, -1, 1)
            vector = drawn if frame.reference is None else near.astype(np.float32)
        for name, value in (frame.attributes or {}).items():
            vector[frame.attribute_names.index(name)] = value
        return vector


def no_hole(hole: Hole) -> Hole:
    return np.zeros_like(hole)


def draw(sample_seed: SampleSeed) -> Vector:
    """Uniform in [-1,1), [A] float32, from PCG64's raw numbers: the same on every machine and numpy."""
    raw = np.random.PCG64([sample_seed.seed, sample_seed.sample]).random_raw(ATTRIBUTES)
    drawn: Vector = (raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    return drawn
