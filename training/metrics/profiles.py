"""Named sets of pixel metrics: figures of different profiles must not stand in one column.

Each has figures of the whole picture and, beginning with `hole`, of what was missing alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from training.metrics.pixels import (
    MS_SSIM_ABOVE_PIXELS,
    gray,
    hole_l1_percent,
    hole_psnr,
    hole_ssim,
    l1_percent,
    ms_ssim,
    psnr,
    ssim_map,
    ssim_uniform_map,
)

# completed, image [B,3,H,W] in [0,1], hole [B,1,H,W] in {0,1} -> column -> [B]
Figures = Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]

LAFIN_WINDOW_PIXELS = 51
PSNR, SSIM, L1, MS_SSIM = "PSNR", "SSIM", "L1 %", "MS-SSIM"
HOLE_PSNR, HOLE_SSIM, HOLE_L1 = "hole PSNR", "hole SSIM", "hole L1 %"


@dataclass(frozen=True)
class Profile:
    """How one group of papers measures."""

    name: str
    words: str  # printed above the table
    columns: tuple[str, ...]  # of the table; `figures` may lack one where the frame is too small for it
    figures: Figures


def standard(completed: Tensor, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
    """On RGB. MS-SSIM only where the frame is large enough for its five scales."""
    similarities = ssim_map(completed, image)
    whole = {
        PSNR: psnr(completed, image),
        SSIM: similarities.flatten(1).mean(dim=1).float(),
        L1: l1_percent(completed, image),
    }
    if min(image.shape[2:]) > MS_SSIM_ABOVE_PIXELS:
        whole[MS_SSIM] = ms_ssim(completed, image)
    return whole | {
        HOLE_PSNR: hole_psnr(completed, image, hole),
        HOLE_SSIM: hole_ssim(similarities, hole),
        HOLE_L1: hole_l1_percent(completed, image, hole),
    }


def lafin(completed: Tensor, image: Tensor, hole: Tensor) -> dict[str, Tensor]:
    """PSNR and SSIM on luminance, L1 on RGB."""
    grays = gray(completed), gray(image)
    similarities = ssim_uniform_map(*grays, LAFIN_WINDOW_PIXELS)
    return {
        PSNR: psnr(*grays),
        SSIM: similarities.flatten(1).mean(dim=1).float(),
        L1: l1_percent(completed, image),
        HOLE_PSNR: hole_psnr(*grays, hole),
        HOLE_SSIM: hole_ssim(similarities, hole),
        HOLE_L1: hole_l1_percent(completed, image, hole),
    }


PROFILES = {
    "standard": Profile(
        "standard",
        "PSNR, SSIM (Gaussian window of 11 px), L1 and MS-SSIM on RGB",
        (PSNR, SSIM, L1, MS_SSIM, HOLE_PSNR, HOLE_SSIM, HOLE_L1),
        standard,
    ),
    "lafin": Profile(
        "lafin",
        "PSNR and SSIM (flat window of 51 px) on luminance, L1 on RGB",
        (PSNR, SSIM, L1, HOLE_PSNR, HOLE_SSIM, HOLE_L1),
        lafin,
    ),
}
