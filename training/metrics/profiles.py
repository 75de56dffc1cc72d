"""Named sets of pixel metrics: figures of different profiles must not stand in one column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from training.metrics.pixels import gray, l1_percent, psnr, ssim, ssim_uniform

Metric = Callable[[Tensor, Tensor], Tensor]  # completed, image [B,3,H,W] in [0,1] -> [B]

LAFIN_WINDOW_PIXELS = 51


@dataclass(frozen=True)
class Profile:
    """How one group of papers measures."""

    name: str
    words: str  # printed above the table
    metrics: dict[str, Metric]


PROFILES = {
    "standard": Profile(
        "standard",
        "PSNR, SSIM (Gaussian window of 11 px) and L1 on RGB",
        {"PSNR": psnr, "SSIM": ssim, "L1 %": l1_percent},
    ),
    "lafin": Profile(
        "lafin",
        "PSNR and SSIM (flat window of 51 px) on luminance, L1 on RGB",
        {
            "PSNR": lambda completed, image: psnr(gray(completed), gray(image)),
            "SSIM": lambda completed, image: ssim_uniform(gray(completed), gray(image), LAFIN_WINDOW_PIXELS),
            "L1 %": l1_percent,
        },
    ),
}
