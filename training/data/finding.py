"""Where the faces of a photograph are: the one place that knows how they are found."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.frames import Box

CASCADE = "haarcascade_frontalface_alt2.xml"  # comes inside OpenCV's wheel
LOOK_PIXELS = 640  # longer side of the copy that is searched
STEP = 1.1  # growth of the window from scale to scale
NEIGHBOURS = 5  # overlapping hits that make a face: a training set wants few false ones


class FaceFinder:
    """OpenCV's cascade for faces that look at the viewer, roughly upright. An instance is for one thread."""

    def __init__(self) -> None:
        self._cascade = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / CASCADE))
        assert not self._cascade.empty()

    def __call__(self, picture: NDArray[np.uint8], smallest_pixels: int) -> list[Box]:
        """Faces of a picture [H,W,3] whose box has at least so many pixels a side, largest first."""
        shrink = max(1.0, max(picture.shape[:2]) / LOOK_PIXELS)
        size = max(1, round(picture.shape[1] / shrink)), max(1, round(picture.shape[0] / shrink))
        grey = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        least = max(1, round(smallest_pixels / shrink))
        found = self._cascade.detectMultiScale(grey, STEP, NEIGHBOURS, minSize=(least, least))
        boxes = [Box(float(x * shrink), float(y * shrink), float(side * shrink)) for x, y, side, _ in found]
        return sorted(boxes, key=lambda box: -box.side_pixels)
