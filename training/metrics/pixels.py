"""Figures from pixels alone.

Pictures are [B,C,H,W] in [0,1], RGB or one channel; every result is [B], one figure per picture. They are
torchmetrics' where it has them, but for SSIM: ARCHITECTURE.md says why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure, peak_signal_noise_ratio
from torchmetrics.functional.regression import mean_absolute_error

# Weights of red, green, blue (ITU-R BT.709, as scikit-image rounds them).
GRAY_WEIGHTS = (0.2125, 0.7154, 0.0721)
K1, K2 = 0.01, 0.03  # Wang et al. 2004
BLOCK_PIXELS = 48  # results of one product when a window goes over a picture
MS_SSIM_ABOVE_PIXELS = 160  # sides: the window of 11 px fits into the fifth scale

_decibels = partial(peak_signal_noise_ratio, data_range=1.0)


def psnr(completed: Tensor, image: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB for a peak of 1; infinite for equal pictures."""
    return _picture_by_picture(_decibels, completed, image)


def l1_percent(completed: Tensor, image: Tensor) -> Tensor:
    """Mean absolute difference over all pixels and channels, in percent of the range."""
    return 100 * _picture_by_picture(mean_absolute_error, completed, image)


def gray(image: Tensor) -> Tensor:
    """Luminance. [B,3,H,W] -> [B,1,H,W]."""
    assert image.shape[1] == 3, image.shape
    return (image * image.new_tensor(GRAY_WEIGHTS).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def hole_psnr(completed: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """`psnr` over the missing pixels alone; NaN where none is missing. hole [B,1,H,W] in {0,1}."""
    return _picture_by_picture(_decibels, completed, image, hole)


def hole_l1_percent(completed: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """`l1_percent` over the missing pixels alone; NaN where none is missing."""
    return 100 * _picture_by_picture(mean_absolute_error, completed, image, hole)


def ssim(completed: Tensor, image: Tensor) -> Tensor:
    """Structural similarity with a Gaussian window of 11 px and deviation 1.5 (Wang et al. 2004), mean over channels.

    Only places where the whole window lies inside count. 1 for equal pictures.
    """
    return ssim_map(completed, image).flatten(1).mean(dim=1).float()


def ssim_uniform(completed: Tensor, image: Tensor, window_pixels: int) -> Tensor:
    """Structural similarity with a flat window and sample variances, mean over channels.

    What scikit-image computes by default; LaFIn's tables take a window of 51 px on luminance.
    """
    return ssim_uniform_map(completed, image, window_pixels).flatten(1).mean(dim=1).float()


def ssim_map(completed: Tensor, image: Tensor) -> Tensor:
    """`ssim` at every place whose window lies inside: float64 [B,C,H-10,W-10]."""
    place = torch.arange(11, dtype=torch.float64) - 5
    line = torch.exp(-(place**2) / (2 * 1.5**2))
    return _similarities(completed, image, line / line.sum(), correction=1.0)


def ssim_uniform_map(completed: Tensor, image: Tensor, window_pixels: int) -> Tensor:
    """`ssim_uniform` at every place whose window lies inside: float64 [B,C,H-window+1,W-window+1]."""
    assert window_pixels % 2 == 1, window_pixels
    line = torch.full((window_pixels,), 1 / window_pixels, dtype=torch.float64)
    count = window_pixels**2
    return _similarities(completed, image, line, correction=count / (count - 1))


def hole_ssim(similarities: Tensor, hole: Tensor) -> Tensor:
    """The mean of a map of similarities over the windows whose middle is missing: [B]; NaN where there is none."""
    border = (hole.shape[-1] - similarities.shape[-1]) // 2
    inner = hole[..., border : hole.shape[2] - border, border : hole.shape[3] - border].to(similarities)
    sums = (similarities.mean(dim=1, keepdim=True) * inner).flatten(1).sum(dim=1)
    return (sums / inner.flatten(1).sum(dim=1)).float()


def ms_ssim(completed: Tensor, image: Tensor) -> Tensor:
    """Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003), five scales, by torchmetrics.

    Sides must be above MS_SSIM_ABOVE_PIXELS.
    """
    _check(completed, image)
    similarities = multiscale_structural_similarity_index_measure(
        completed.float(), image.float(), data_range=1.0, reduction="none"
    )
    assert isinstance(similarities, Tensor)
    return similarities


def _similarities(completed: Tensor, image: Tensor, line: Tensor, *, correction: float) -> Tensor:
    """SSIM for a range of 1; `line` is the window along one axis, `correction` multiplies the variances."""
    _check(completed, image)
    assert min(image.shape[2:]) >= len(line), f"{list(image.shape)} is smaller than the window of {len(line)} px"
    x, y = completed.double(), image.double()  # differences of squares: float32 loses digits in flat places
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = _blur(torch.stack((x, y, x * x, y * y, x * y)), line)
    variances = (mean_xx - mean_x**2 + mean_yy - mean_y**2) * correction
    covariance = (mean_xy - mean_x * mean_y) * correction
    c1, c2 = K1**2, K2**2
    return ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))


def _blur(images: Tensor, line: Tensor) -> Tensor:
    """Weighted mean over the window, separable, without padding: [...,H,W].

    As products with banded matrices: a sixth of the time that convolutions in float64 take.
    """
    down = [_band(line, part.shape[-2]).to(images) @ part for part in _parts(images, line, -2)]
    across = [part @ _band(line, part.shape[-1]).to(images).T for part in _parts(torch.cat(down, -2), line, -1)]
    return torch.cat(across, -1)


def _parts(images: Tensor, line: Tensor, axis: int) -> list[Tensor]:
    """What BLOCK_PIXELS results and then the next ones are made of, along an axis: a whole band is mostly zeros."""
    more = len(line) - 1
    results = images.shape[axis] - more
    starts = range(0, results, BLOCK_PIXELS)
    return [images.narrow(axis, start, min(BLOCK_PIXELS, results - start) + more) for start in starts]


def _band(line: Tensor, side: int) -> Tensor:
    """[side-len(line)+1, side]: each row holds the window one place further."""
    rows = side - len(line) + 1
    places = torch.arange(rows)[:, None] + torch.arange(len(line))
    return torch.zeros(rows, side, dtype=line.dtype).scatter(1, places, line.expand(rows, -1))


def _picture_by_picture(
    figure: Callable[[Tensor, Tensor], Tensor], completed: Tensor, image: Tensor, hole: Tensor | None = None
) -> Tensor:
    """A figure of torchmetrics of each picture, or of its missing pixels: [B]."""
    _check(completed, image)
    pairs = zip(completed, image, strict=True)
    if hole is None:
        return torch.stack([figure(one.flatten(), other.flatten()) for one, other in pairs])
    assert hole.shape == (len(image), 1, *image.shape[2:]), (hole.shape, image.shape)
    missing = hole[:, 0].bool()
    return torch.stack([figure(one[:, gap], other[:, gap]) for (one, other), gap in zip(pairs, missing, strict=True)])


def _check(completed: Tensor, image: Tensor) -> None:
    assert completed.ndim == 4, completed.shape
    assert completed.shape == image.shape, (completed.shape, image.shape)
