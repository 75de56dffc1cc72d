"""What a caller may give to guide the filling: one value, from the form to the face frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from service.imaging.arrays import Points

GuidanceName = Literal["landmarks", "faces", "reference", "attributes"]
NAMES: tuple[GuidanceName, ...] = ("landmarks", "faces", "reference", "attributes")


@dataclass(frozen=True)
class FaceGiven:
    """Where a face is, though perhaps nothing can be seen of it."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1 canvas pixels, around eyes, nose and mouth
    roll_degrees: float = 0.0  # clockwise; 0 is upright


@dataclass(frozen=True)
class Guidance:
    """All of it is optional; a pipeline names what it takes."""

    landmarks: tuple[Points, ...] = ()  # [68,2] canvas pixels for each face that is described
    faces: tuple[FaceGiven, ...] = ()
    reference: bytes | None = None  # the file of a picture of a face
    attributes: Mapping[str, float] | None = None  # name -> -1..1

    @property
    def given(self) -> tuple[GuidanceName, ...]:
        """The names of what is there."""
        there = {
            "landmarks": bool(self.landmarks),
            "faces": bool(self.faces),
            "reference": self.reference is not None,
            "attributes": self.attributes is not None,
        }
        return tuple(name for name in NAMES if there[name])

    def to_record(self) -> dict[str, Any]:
        """As JSON, without the reference, which is a picture."""
        return {
            "landmarks": [points.tolist() for points in self.landmarks],
            "faces": [{"box": list(face.box), "roll_degrees": face.roll_degrees} for face in self.faces],
            "attributes": None if self.attributes is None else dict(self.attributes),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], reference: bytes | None) -> Guidance:
        """What `to_record` was made from."""
        return cls(
            landmarks=tuple(np.asarray(points, np.float64) for points in record["landmarks"]),
            faces=tuple(FaceGiven(tuple(face["box"]), face["roll_degrees"]) for face in record["faces"]),
            reference=reference,
            attributes=record["attributes"],
        )


NO_GUIDANCE = Guidance()
