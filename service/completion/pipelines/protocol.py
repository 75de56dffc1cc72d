"""What a pipeline is: the way from one face frame to its completed pixels, through the models of one paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.completion.guidance import GuidanceName
from service.deadline import Deadline
from service.engine import Engine
from service.imaging.arrays import Hole, Ids, Points, Rgb


@dataclass(frozen=True)
class FaceFrame:
    """What a network sees: image [F,F,3] uint8 RGB, hole [F,F] {0,1}, and what guides it, if anything does."""

    image: Rgb
    hole: Hole
    landmarks: Points | None = None  # [68,2] frame pixels
    reference: Rgb | None = None  # [F,F,3], aligned as the image is
    attributes: Mapping[str, float] | None = None  # name -> -1..1
    attribute_names: tuple[str, ...] = ()  # those that there are, in the order of the engine's vectors


@dataclass(frozen=True)
class FrameGuidance:
    """What guides all frames of a request alike."""

    reference: Rgb | None
    attributes: Mapping[str, float] | None
    attribute_names: tuple[str, ...] = ()

    def added_to(self, frame: FaceFrame) -> FaceFrame:
        return replace(
            frame, reference=self.reference, attributes=self.attributes, attribute_names=self.attribute_names
        )


@dataclass(frozen=True)
class SampleSeed:
    """What the random numbers of a pipeline depend on: the seed of the request, and the number of the sample."""

    seed: int  # 0..2^31-1
    sample: int = 0  # from 0


@dataclass(frozen=True)
class Completion:
    """What came back: raw [F,F,3] uint8 RGB, and what guided it, if anything did.

    landmarks [68,2] in frame pixels; attributes [A] in [-1,1], in the order of the frame's `attribute_names`. Of a
    pipeline with stages also what they made: the coarse face [F,F,3], class ids [F,F] uint8.
    """

    raw: Rgb
    landmarks: Points | None
    attributes: NDArray[np.generic] | None = None
    coarse: Rgb | None = None
    parsing: Ids | None = None


class Pipeline(Protocol):
    """One paper at work. `models` are deployed models; `frame_pixels` is the side of the face frame."""

    @property
    def name(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def models(self) -> tuple[str, ...]: ...
    @property
    def frame_pixels(self) -> int: ...
    @property
    def guidance(self) -> frozenset[GuidanceName]: ...
    @property
    def attributes(self) -> tuple[str, ...]: ...  # that it names itself; `completion/attributes.py` knows the others
    @property
    def plural(self) -> bool: ...

    async def complete(
        self, engine: Engine, frame: FaceFrame, seeds: Sequence[SampleSeed], deadline: Deadline
    ) -> list[Completion]:
        """Fill the hole of one face frame, once for each seed. A frame and a seed give equal bytes in any company."""
        ...


def as_tensors(frame: FaceFrame) -> dict[str, NDArray[np.generic]]:
    """A frame as a batch of one: image [1,3,F,F] uint8, hole [1,1,F,F] uint8, landmarks [1,68,2] float32 if given."""
    tensors: dict[str, NDArray[np.generic]] = {
        "image": np.ascontiguousarray(frame.image.transpose(2, 0, 1)[None]),
        "hole": np.ascontiguousarray(frame.hole[None, None]),
    }
    if frame.landmarks is not None:
        tensors["landmarks"] = frame.landmarks[None].astype(np.float32)
    return tensors


def as_rgb(raw: NDArray[np.generic]) -> Rgb:
    """A batch of one, [1,3,F,F] uint8, as a picture [F,F,3]."""
    assert raw.dtype == np.uint8, raw.dtype
    assert raw.shape[:2] == (1, 3), raw.shape
    picture: Rgb = np.ascontiguousarray(raw[0].transpose(1, 2, 0), dtype=np.uint8)
    return picture
