"""Figures from pixels alone.

Pictures are [B,C,H,W] in [0,1], RGB or one channel; every result is [B], one figure per picture.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Weights of red, green, blue (ITU-R BT.709, as scikit-image rounds them).
GRAY_WEIGHTS = (0.2125, 0.7154, 0.0721)
K1, K2 = 0.01, 0.03  # Wang et al. 2004


def psnr(completed: Tensor, image: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB for a peak of 1; infinite for equal pictures."""
    _check(completed, image)
    error = ((completed - image) ** 2).flatten(1).mean(dim=1)
    return -10 * torch.log10(error)


def l1_percent(completed: Tensor, image: Tensor) -> Tensor:
    """Mean absolute difference over all pixels and channels, in percent of the range."""
    _check(completed, image)
    return 100 * (completed - image).abs().flatten(1).mean(dim=1)


def gray(image: Tensor) -> Tensor:
    """Luminance. [B,3,H,W] -> [B,1,H,W]."""
    assert image.shape[1] == 3, image.shape
    return (image * image.new_tensor(GRAY_WEIGHTS).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def ssim(completed: Tensor, image: Tensor) -> Tensor:
    """Structural similarity with a Gaussian window of 11 px and deviation 1.5 (Wang et al. 2004), mean over channels.

    Only places where the whole window lies inside count. 1 for equal pictures.
    """
    place = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-(place**2) / (2 * 1.5**2))
    return _ssim(completed, image, line / line.sum(), correction=1.0)


def ssim_uniform(completed: Tensor, image: Tensor, window_pixels: int) -> Tensor:
    """Structural similarity with a flat window and sample variances, mean over channels.

    What scikit-image computes by default; LaFIn's tables take a window of 51 px on luminance.
    """
    assert window_pixels % 2 == 1, window_pixels
    line = torch.full((window_pixels,), 1 / window_pixels, dtype=torch.float64)
    count = window_pixels**2
    return _ssim(completed, image, line, correction=count / (count - 1))


def _ssim(completed: Tensor, image: Tensor, line: Tensor, *, correction: float) -> Tensor:
    """SSIM for a range of 1; `line` is the window along one axis, `correction` multiplies the variances."""
    _check(completed, image)
    assert min(image.shape[2:]) >= len(line), f"{list(image.shape)} is smaller than the window of {len(line)} px"
    x, y = completed.double(), image.double()  # differences of squares: float32 loses digits in flat places
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = (_blur(z, line) for z in (x, y, x * x, y * y, x * y))
    variances = (mean_xx - mean_x**2 + mean_yy - mean_y**2) * correction
    covariance = (mean_xy - mean_x * mean_y) * correction
    c1, c2 = K1**2, K2**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    )
    return similarity.flatten(1).mean(dim=1).float()


def _blur(image: Tensor, line: Tensor) -> Tensor:
    """Weighted mean over the window, separable, without padding."""
    batch, channels, height, width = image.shape
    flat = image.reshape(batch * channels, 1, height, width)
    line = line.to(image)
    flat = F.conv2d(F.conv2d(flat, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))
    return flat.reshape(batch, channels, *flat.shape[2:])


def _check(completed: Tensor, image: Tensor) -> None:
    assert completed.ndim == 4, completed.shape
    assert completed.shape == image.shape, (completed.shape, image.shape)
