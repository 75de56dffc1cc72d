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
    """Landmark map [B,1,H,W]: one pixel is 1 for each of [B,68,2] (x, y) pixels that lies in the frame."""
    x, y = landmarks[..., 0], landmarks[..., 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    places = torch.where(inside, y.long() * width + x.long(), height * width)  # one place more, for those outside
    dots = torch.zeros(landmarks.shape[0], height * width + 1, device=landmarks.device)
    dots = dots.scatter(1, places, 1.0)[:, :-1]
    return dots.reshape(-1, 1, height, width)
