"""Structural similarity at several scales as a loss (Wang, Simoncelli, Bovik 2003)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Exponents of the scales, from the finest to the coarsest (their table).
EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW_PIXELS, WINDOW_DEVIATION = 11, 1.5
C1, C2 = 0.01**2, 0.03**2  # for a range of 1
SMALLEST = 1e-4  # of a scale's similarity: roots of less have endless slopes


def scales_of(pixels: int) -> int:
    """How many of the five scales a side of `pixels` has room for: the window fits into the coarsest one.

    Five need 176 px; smaller frames keep the finer scales, whose exponents are then enlarged to the same sum.
    """
    count = len(EXPONENTS)
    while count > 1 and pixels // 2 ** (count - 1) < WINDOW_PIXELS:
        count -= 1
    return count


def multi_scale_similarity(one: Tensor, other: Tensor) -> Tensor:
    """MS-SSIM of pictures [B,C,H,W] in [0,1]: [B], 1 for equal ones. Computed in float32; sides of 11 px at least."""
    assert one.shape == other.shape, (one.shape, other.shape)
    assert min(one.shape[2:]) >= WINDOW_PIXELS, f"{list(one.shape)} is smaller than the window"
    count = scales_of(min(one.shape[2:]))
    total = sum(EXPONENTS[:count]) / sum(EXPONENTS)
    product = torch.ones(len(one), device=one.device)
    with torch.autocast(one.device.type, enabled=False):
        x, y = one.float(), other.float()
        for scale in range(count):
            luminance, contrast = similarities(x, y)
            last = scale == count - 1
            values = (luminance * contrast if last else contrast).flatten(1).mean(dim=1)
            product = product * values.clamp(min=SMALLEST) ** (EXPONENTS[scale] / total)
            x, y = (F.avg_pool2d(z, 2) for z in (x, y))
    return product


def similarities(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast with structure, of every place whose window lies inside: two [B,C,h,w]."""
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = window_means(torch.cat((x, y, x * x, y * y, x * y), dim=1)).chunk(
        5, dim=1
    )
    variance_x, variance_y, covariance = mean_xx - mean_x**2, mean_yy - mean_y**2, mean_xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    contrast = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return luminance, contrast


def window_means(images: Tensor) -> Tensor:
    """Means over a Gaussian window, without padding: [N,C,H,W] -> [N,C,H-10,W-10]."""
    places = torch.arange(WINDOW_PIXELS, device=images.device) - WINDOW_PIXELS // 2
    line = torch.exp(-(places**2) / (2 * WINDOW_DEVIATION**2))
    line = line / line.sum()
    channels = images.shape[1]
    kernel = line.repeat(channels, 1)
    # Channel by channel and channels-last: one channel at a time takes forty times as long on a CPU.
    images = images.contiguous(memory_format=torch.channels_last)
    down = F.conv2d(images, kernel.view(channels, 1, -1, 1), groups=channels)
    return F.conv2d(down, kernel.view(channels, 1, 1, -1), groups=channels)
