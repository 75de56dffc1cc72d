"""Both eyes of a face, cut out level and enlarged: what a loss over the whole picture hardly sees."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data.landmarks import LEFT_EYE, RIGHT_EYE

WIDTH_PIXELS, HEIGHT_PIXELS = 96, 48  # one and a half times the size that they have in a frame of 128 px
HALF_WIDTH, HALF_HEIGHT = 1.0, 0.5  # of what is cut out, in distances between the eyes


def eye_crops(pictures: Tensor, landmarks: Tensor) -> Tensor:
    """[B,3,H,H], landmarks [B,68,2] in pixels -> [B,3,48,96]; beyond the picture its border goes on."""
    left, right = (landmarks[:, list(eye)].mean(dim=1) for eye in (LEFT_EYE, RIGHT_EYE))
    along = right - left
    across = torch.stack((-along[:, 1], along[:, 0]), dim=1)
    columns = (HALF_WIDTH * along, HALF_HEIGHT * across, (left + right) / 2)
    matrix = torch.stack(columns, dim=2) * 2 / pictures.shape[-1]  # from places in the crop to places in the picture
    matrix[:, :, 2] -= 1
    size = [len(pictures), pictures.shape[1], HEIGHT_PIXELS, WIDTH_PIXELS]
    grid = F.affine_grid(matrix, size, align_corners=False)
    return F.grid_sample(pictures, grid.to(pictures.dtype), padding_mode="border", align_corners=False)
