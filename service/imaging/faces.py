from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FaceBox:
    """A square around a face, canvas pixels, the ends not included; score rises with the detector's certainty."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float
