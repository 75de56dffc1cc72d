"""Methods without learning, which a learned system has to beat."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.given import Answer, Given, System

TELEA_RADIUS_PIXELS = 3


def telea(given: Given) -> Answer:
    """OpenCV's Telea inpainting."""
    painted = [
        inpaint_telea(picture.permute(1, 2, 0).cpu().numpy(), missing[0].cpu().numpy())
        for picture, missing in zip(given.image, given.hole, strict=True)
    ]
    return Answer(raw=torch.from_numpy(np.stack(painted)).permute(0, 3, 1, 2).to(given.image.device))


def inpaint_telea(picture: NDArray[np.uint8], hole: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """picture [H,W,3], hole [H,W] {0,1} -> [H,W,3]."""
    painted = cv2.inpaint(np.ascontiguousarray(picture), hole * 255, TELEA_RADIUS_PIXELS, cv2.INPAINT_TELEA)
    return np.asarray(painted, dtype=np.uint8)


BASELINES: dict[str, System] = {"telea": telea}
