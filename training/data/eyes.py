"""Both eyes of a face, cut out level and enlarged: what a loss over the whole picture hardly sees."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.landmarks import LEFT_EYE, RIGHT_EYE

WIDTH, HEIGHT = 3 / 4, 3 / 8  # of the frame's side: one and a half times the size that they have in it
SMALLEST_PIXELS = 128  # a smaller frame's are cut out as of this one: a feature network halves them again and again
HALF_WIDTH, HALF_HEIGHT = 1.0, 0.5  # of what is cut out, in distances between the eyes


def eye_crops(pictures: Tensor, landmarks: Tensor) -> Tensor:
    """[B,3,H,H], landmarks [B,68,2] in pixels -> [B,3,3H/8,3H/4], 48 x 96 at least.

    Beyond the picture its border goes on.
    """
    left, right = (landmarks[:, list(eye)].mean(dim=1) for eye in (LEFT_EYE, RIGHT_EYE))
    along = right - left
    across = torch.stack((-along[:, 1], along[:, 0]), dim=1)
    columns = (HALF_WIDTH * along, HALF_HEIGHT * across, (left + right) / 2)
    matrix = torch.stack(columns, dim=2) * 2 / pictures.shape[-1]  # from places in the crop to places in the picture
    matrix[:, :, 2] -= 1
    side = max(pictures.shape[-1], SMALLEST_PIXELS)
    size = [*pictures.shape[:2], round(HEIGHT * side), round(WIDTH * side)]
    grid = F.affine_grid(matrix, size, align_corners=False)
    return F.grid_sample(pictures, grid.to(pictures.dtype), padding_mode="border", align_corners=False)
