"""OpenCV's cascade for upright faces from the front, by which the finder is measured (Viola and Jones 2001)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.errors import OptionError
from training.papers.finder.finding import NUMBERS
from training.papers.finder.measuring import Find, Hole
from training.papers.finder.sources import Rgb

NAME = "cascade"
FILE = Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"
STEP, NEIGHBOURS, SMALLEST_PIXELS = 1.1, 4, 24
FILL = 128  # of a hole
# Its boxes beside our faces, medians over upright composed faces: how wide, and how far their middles lie higher.
SIDE_IN_SIZES, ABOVE_IN_SIZES = 1.3, 0.11


def cascade() -> Find:
    """Faces of a frame as the finder tells them, with score 1, centre and size. OptionError if OpenCV has none."""
    if not hasattr(cv2, "CascadeClassifier") or not FILE.is_file():
        raise OptionError(f"--baseline {NAME}: OpenCV {cv2.__version__} has no cascades, versions before 5 have")
    classifier = cv2.CascadeClassifier(str(FILE))

    def find(picture: Rgb, hole: Hole) -> NDArray[np.float32]:
        emptied = np.where(hole[..., None] > 0, np.uint8(FILL), picture)
        gray = cv2.cvtColor(emptied, cv2.COLOR_RGB2GRAY)
        boxes = classifier.detectMultiScale(gray, STEP, NEIGHBOURS, minSize=(SMALLEST_PIXELS, SMALLEST_PIXELS))
        faces = np.zeros((len(boxes), NUMBERS), np.float32)
        for face, (x, y, width, height) in zip(faces, boxes, strict=True):
            size = width / SIDE_IN_SIZES
            face[:4] = 1, x + width / 2, y + height / 2 + ABOVE_IN_SIZES * size, size
        return faces

    return find
