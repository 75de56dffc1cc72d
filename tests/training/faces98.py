"""Drawn faces with as many landmarks as WFLW's."""

import numpy as np
from numpy.typing import NDArray

from training.data.drawn import DrawnFaces
from training.data.landmarks import OF_98, WFLW_COUNT


class Faces98(DrawnFaces):
    """Drawn faces with 98 landmarks: the 68, and between them points that stand anywhere on the face."""

    def landmarks(self, index: int) -> NDArray[np.float32]:
        few = super().landmarks(index)
        points = np.repeat(few.mean(axis=0, keepdims=True), WFLW_COUNT, axis=0)
        points[list(OF_98)] = few
        return points
