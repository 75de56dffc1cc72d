"""Images, holes and landmark maps put together, each in one place."""

from __future__ import annotations

import torch
from torch import Tensor


def mask_image(image: Tensor, hole: Tensor, fill: float = 1.0) -> Tensor:
    """Masked image: image * (1 - hole) + fill * hole. image [B,3,H,W], hole [B,1,H,W] in {0,1}."""
    return image * (1 - hole) + fill * hole


def complete(raw: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """Completed: `raw` inside the hole, `image` elsewhere. All [B,3,H,W], hole [B,1,H,W] in {0,1}."""
    return raw * hole + image * (1 - hole)


def landmark_map(landmarks: Tensor, height: int, width: int) -> Tensor:
    """Landmark map [B,1,H,W]: one pixel is 1 for each of [B,68,2] (x, y) pixels; clamped into the frame."""
    x = landmarks[..., 0].long().clamp(0, width - 1)
    y = landmarks[..., 1].long().clamp(0, height - 1)
    dots = torch.zeros(landmarks.shape[0], height * width, device=landmarks.device)
    dots = dots.scatter(1, y * width + x, 1.0)
    return dots.reshape(-1, 1, height, width)
