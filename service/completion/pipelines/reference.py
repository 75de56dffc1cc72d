"""Reference: the attributes of another picture, or of the picture's own visible part, shape what fills the hole.

Single attributes can be set by name. From the second sample on attributes are drawn: all that the caller has not set,
at random, or near those of a reference, if there is one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.completion.guidance import GuidanceName
from service.completion.pipelines.protocol import Completion, FaceFrame, SampleSeed, as_rgb, as_tensors
from service.deadline import Deadline
from service.engine import Engine
from service.engine.specs import ATTRIBUTES
from service.imaging.arrays import Hole

EXTRACTOR = "reference_extractor"
GENERATOR = "reference_generator"
MAX_BATCH = 4  # of the generator's config.pbtxt
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
        self, engine: Engine, frame: FaceFrame, seeds: Sequence[SampleSeed], deadline: Deadline
    ) -> list[Completion]:
        """The ensemble in one call where nothing changes the attributes it reads; else extractor, then generator."""
        shown, hidden = (frame.image, frame.hole) if frame.reference is None else (frame.reference, no_hole(frame.hole))
        picture, seen = as_tensors(FaceFrame(frame.image, frame.hole)), as_tensors(FaceFrame(shown, hidden))
        if not frame.attributes and [seed.sample for seed in seeds] == [0]:
            tensors = {**picture, "reference": seen["image"], "reference_hole": seen["hole"]}
            outputs = await engine.infer(self.name, tensors, deadline=deadline)
            return [Completion(as_rgb(outputs["raw"]), None, outputs["attributes"][0])]
        outputs = await engine.infer(EXTRACTOR, seen, deadline=deadline)
        vectors = [obeyed(np.array(outputs["attributes"][0], np.float32), frame, seed) for seed in seeds]
        completions: list[Completion] = []
        for first in range(0, len(vectors), MAX_BATCH):
            completions += await paint(engine, picture, vectors[first : first + MAX_BATCH], deadline)
        return completions


async def paint(
    engine: Engine, picture: dict[str, NDArray[np.generic]], vectors: Sequence[Vector], deadline: Deadline
) -> list[Completion]:
    """Pictures that differ in their attributes alone, in one call: the generator looks at picture and hole once."""
    tensors = {name: np.repeat(tensor, len(vectors), axis=0) for name, tensor in picture.items()}
    outputs = await engine.infer(GENERATOR, {**tensors, "attributes": np.stack(vectors)}, deadline=deadline)
    return [Completion(as_rgb(raw[None]), None, vector) for raw, vector in zip(outputs["raw"], vectors, strict=True)]


def obeyed(seen: Vector, frame: FaceFrame, seed: SampleSeed) -> Vector:
    """What the generator obeys: seen, drawn anew, then set by name."""
    vector = seen.copy()
    if seed.sample:
        drawn = draw(seed)
        near = np.clip(vector + NEAR_THE_REFERENCE * drawn, -1, 1)
        vector = drawn if frame.reference is None else near.astype(np.float32)
    for name, value in (frame.attributes or {}).items():
        vector[frame.attribute_names.index(name)] = value
    return vector


def no_hole(hole: Hole) -> Hole:
    return np.zeros_like(hole)


def draw(seed: SampleSeed) -> Vector:
    """Uniform in [-1,1), [A] float32, from PCG64's raw numbers: the same on every machine and numpy."""
    raw = np.random.PCG64([seed.seed, seed.sample]).random_raw(ATTRIBUTES)
    drawn: Vector = (raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    return drawn
