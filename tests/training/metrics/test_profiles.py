"""Profiles: one call gives the figures of their columns, whole and in the hole."""

import pytest
import torch

from training.metrics.pixels import gray, hole_psnr, psnr, ssim, ssim_uniform
from training.metrics.profiles import PROFILES

SEED = torch.Generator().manual_seed(0)
IMAGE = torch.rand(2, 3, 176, 176, generator=SEED)
COMPLETED = (IMAGE + 0.1 * torch.randn(IMAGE.shape, generator=SEED)).clamp(0, 1)
HOLE = torch.zeros(2, 1, 176, 176)
HOLE[:, :, 60:100, 40:140] = 1


@pytest.mark.parametrize("name", PROFILES)
def test_every_column_has_one_figure_a_picture(name: str) -> None:
    figures = PROFILES[name].figures(COMPLETED, IMAGE, HOLE)
    assert tuple(figures) == PROFILES[name].columns
    assert all(values.shape == (2,) and torch.isfinite(values).all() for values in figures.values())


def test_standard_is_of_rgb_and_lafins_of_luminance() -> None:
    standard = PROFILES["standard"].figures(COMPLETED, IMAGE, HOLE)
    lafin = PROFILES["lafin"].figures(COMPLETED, IMAGE, HOLE)
    grays = gray(COMPLETED), gray(IMAGE)
    assert torch.equal(standard["PSNR"], psnr(COMPLETED, IMAGE))
    assert torch.equal(standard["SSIM"], ssim(COMPLETED, IMAGE))
    assert torch.equal(lafin["PSNR"], psnr(*grays))
    assert torch.equal(lafin["SSIM"], ssim_uniform(*grays, 51))
    assert torch.equal(lafin["hole PSNR"], hole_psnr(*grays, HOLE))


def test_a_frame_too_small_for_five_scales_has_no_ms_ssim() -> None:
    small = (slice(None), slice(None), slice(0, 160), slice(0, 160))
    figures = PROFILES["standard"].figures(COMPLETED[small], IMAGE[small], HOLE[small])
    assert set(PROFILES["standard"].columns) - set(figures) == {"MS-SSIM"}
