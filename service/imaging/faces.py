"""Where a face is on the canvas."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FaceBox:
    """A square around eyes, nose and mouth, in canvas pixels from the picture's corner, the ends not included.

    The square is turned with the face: the box holds its centre and side as if the face were upright.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    score: float  # 0..1, more is surer; infinite where the caller says so
    roll_degrees: float = 0.0  # clockwise; 0 is upright

    @property
    def side(self) -> float:
        """Its side in canvas pixels, the mean of both."""
        return (self.x1 - self.x0 + self.y1 - self.y0) / 2
