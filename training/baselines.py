"""Methods without learning, which a learned system has to beat."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.given import Answer, Given, System

RADIUS_PIXELS = 3


def telea(given: Given) -> Answer:
    """OpenCV's Telea inpainting."""
    return inpaint(given, cv2.INPAINT_TELEA)


def navier_stokes(given: Given) -> Answer:
    """OpenCV's inpainting by the equations of Navier and Stokes."""
    return inpaint(given, cv2.INPAINT_NS)


def inpaint(given: Given, method: int) -> Answer:
    """By one of cv2's methods, face by face."""
    painted = [
        inpaint_picture(picture.permute(1, 2, 0).cpu().numpy(), missing[0].cpu().numpy(), method)
        for picture, missing in zip(given.image, given.hole, strict=True)
    ]
    return Answer(raw=torch.from_numpy(np.stack(painted)).permute(0, 3, 1, 2).to(given.image.device))


def inpaint_picture(picture: NDArray[np.uint8], hole: NDArray[np.uint8], method: int) -> NDArray[np.uint8]:
    """picture [H,W,3], hole [H,W] {0,1} -> [H,W,3]."""
    painted = cv2.inpaint(np.ascontiguousarray(picture), hole * 255, RADIUS_PIXELS, method)
    return np.asarray(painted, dtype=np.uint8)


BASELINES: dict[str, System] = {"telea": telea, "navier-stokes": navier_stokes}
