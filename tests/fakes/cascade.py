"""A finder for tests that need faces found without trained weights: OpenCV's cascade, on drawn and real faces."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.engine.specs import FINDER_NUMBERS, MOST_FACES
from service.imaging.geometry import CENTRE_ABOVE_BOX, SIDE_IN_BOXES

CASCADE = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_alt2.xml"
SEARCHED_PIXELS = 400  # side of the copy that is searched
FIVE_POINTS = np.array([[96, 121], [160, 121], [128, 156], [102, 192], [154, 192]]) / 256  # in FFHQ's frame
SCORE = 0.9

_of_thread = threading.local()  # a classifier keeps its state inside while it searches


def find_all(images: NDArray[Any], holes: NDArray[Any]) -> NDArray[np.float32]:
    """As `finder` answers for a batch, [B,3,F,F] and [B,1,F,F] -> [B,64,16]."""
    return np.stack([find(image, hole) for image, hole in zip(images, holes, strict=True)])


def find(image: NDArray[Any], hole: NDArray[Any]) -> NDArray[np.float32]:
    """As `finder` answers for one frame, [3,F,F] and [1,F,F] -> [64,16]; what lies under the hole changes nothing."""
    height, width = (int(places.max()) + 1 for places in np.nonzero(hole[0] == 0))  # the rest lies beyond the picture
    shrink = max(height, width) / SEARCHED_PIXELS
    size = max(1, round(width / shrink)), max(1, round(height / shrink))
    small = cv2.resize(image[:, :height, :width].transpose(1, 2, 0), size, interpolation=cv2.INTER_AREA)
    missing = cv2.resize(hole[0, :height, :width].astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    grey = cv2.inpaint(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), missing.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    boxes = _classifier().detectMultiScale(grey, 1.1, 1 if missing.any() else 3, minSize=(22, 22))
    rows = np.zeros((MOST_FACES, FINDER_NUMBERS), np.float32)
    for row, (x, y, side, _) in zip(rows, sorted(map(tuple, boxes), key=lambda box: -box[2]), strict=False):
        row[:] = _row(x * shrink, y * shrink, side * shrink)
    return rows


def _row(x: float, y: float, side: float) -> NDArray[np.float64]:
    frame_side = SIDE_IN_BOXES * side
    corner = np.array([x + side / 2, y + side / 2 - CENTRE_ABOVE_BOX * side]) - 0.5 - frame_side / 2
    points = corner + FIVE_POINTS * frame_side
    centre = (points[:2].mean(axis=0) + points[3:].mean(axis=0)) / 2
    return np.concatenate(([SCORE], centre, [frame_side / 2, 0, 1], points.ravel()))


def _classifier() -> cv2.CascadeClassifier:
    if not hasattr(_of_thread, "classifier"):
        _of_thread.classifier = cv2.CascadeClassifier(str(CASCADE))
    found: cv2.CascadeClassifier = _of_thread.classifier
    return found
