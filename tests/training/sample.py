"""The face of the sample photograph, a smiling woman, as a set of faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.fakes.engine import mean_shape
from training.data.frames import frame_of_features, warp_picture
from training.framed import FramedFaces

PHOTOGRAPH = Path(__file__).parents[2] / "service" / "web" / "samples" / "astronaut.jpg"
EYES_AND_MOUTH = ((204.0, 101.5), (246.0, 104.0), (222.8, 140.7))  # in its pixels
FRAME_PIXELS = 256


class Pictures:
    """Face frames as a set of faces, with landmarks where such frames usually have them."""

    parsing_classes = 11

    def __init__(self, *pictures: NDArray[np.uint8]) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def image(self, index: int) -> NDArray[np.uint8]:
        return self.pictures[index]

    def landmarks(self, index: int) -> NDArray[np.float32]:
        return mean_shape().astype(np.float32)


def row_of(*pictures: NDArray[np.uint8]) -> FramedFaces:
    return FramedFaces(Pictures(*pictures), FRAME_PIXELS, range(len(pictures)))


def sample_face() -> NDArray[np.uint8]:
    """[256,256,3] RGB."""
    picture = cv2.imread(str(PHOTOGRAPH))[..., ::-1]
    frame = frame_of_features(*map(np.array, EYES_AND_MOUTH), FRAME_PIXELS)
    return warp_picture(np.ascontiguousarray(picture), frame, FRAME_PIXELS)
