"""PSNR, L1 and figures of the hole by hand, SSIM against torchmetrics, and all of them at their edges."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.image.ssim import structural_similarity_index_measure

from training.losses.structure import multi_scale_similarity
from training.metrics.pixels import (
    gray,
    hole_l1_percent,
    hole_psnr,
    hole_ssim,
    l1_percent,
    ms_ssim,
    psnr,
    ssim,
    ssim_map,
    ssim_uniform,
)

SEED = torch.Generator().manual_seed(0)
IMAGE = torch.rand(3, 3, 72, 64, generator=SEED)
COMPLETED = (IMAGE + 0.1 * torch.randn(3, 3, 72, 64, generator=SEED)).clamp(0, 1)


def test_psnr_of_equal_pictures_is_infinite():
    assert torch.isinf(psnr(IMAGE, IMAGE)).all()
    assert (psnr(IMAGE, IMAGE) > 0).all()


def test_psnr_of_a_known_difference():
    image = torch.zeros(1, 3, 8, 8)
    assert psnr(image + 0.1, image).item() == pytest.approx(20, abs=1e-4)
    assert psnr(image + 1, image).item() == pytest.approx(0, abs=1e-6)


def test_figures_of_single_pictures_follow_their_definition():
    apart = (COMPLETED - IMAGE).double().numpy()
    for place in range(3):
        assert psnr(COMPLETED, IMAGE)[place].item() == pytest.approx(
            -10 * np.log10((apart[place] ** 2).mean()), abs=1e-4
        )
        assert l1_percent(COMPLETED, IMAGE)[place].item() == pytest.approx(100 * abs(apart[place]).mean(), abs=1e-4)


def test_figures_of_the_hole_follow_their_definition_whatever_its_shape():
    holes = torch.rand(3, 1, 72, 64, generator=SEED) < 0.3
    apart = (COMPLETED - IMAGE).double().numpy()
    similarities = ssim_map(COMPLETED, IMAGE)
    for place in range(3):
        inside = apart[place][:, holes[place, 0].numpy()]
        assert hole_psnr(COMPLETED, IMAGE, holes.byte())[place].item() == pytest.approx(
            -10 * np.log10((inside**2).mean()), abs=1e-4
        )
        assert hole_l1_percent(COMPLETED, IMAGE, holes.byte())[place].item() == pytest.approx(
            100 * abs(inside).mean(), abs=1e-4
        )
        middles = similarities[place][:, holes[place, 0, 5:-5, 5:-5]]
        assert hole_ssim(similarities, holes)[place].item() == pytest.approx(middles.mean().item(), abs=1e-6)


def test_ssim_of_equal_pictures_is_one():
    assert torch.allclose(ssim(IMAGE, IMAGE), torch.ones(3))
    assert torch.allclose(ssim_uniform(gray(IMAGE), gray(IMAGE), 51), torch.ones(3))


def test_ssim_equals_torchmetrics_where_the_window_fits():
    _, full = structural_similarity_index_measure(
        COMPLETED.double(), IMAGE.double(), data_range=1.0, return_full_image=True
    )
    inside = full[..., 5:-5, 5:-5].flatten(1).mean(1)
    assert torch.allclose(ssim(COMPLETED, IMAGE), inside.float(), atol=1e-6)


def test_flat_ssim_equals_torchmetrics():
    """Sample variances are k = N / (N - 1) times torchmetrics' ones, which is the same as a constant c2 / k there."""
    window, half = 51, 25
    completed, image = gray(COMPLETED[:1, :, :56, :53]), gray(IMAGE[:1, :, :56, :53])
    _, full = structural_similarity_index_measure(
        completed.double(),
        image.double(),
        gaussian_kernel=False,
        kernel_size=window,
        k2=0.03 * math.sqrt(1 - 1 / window**2),
        data_range=1.0,
        return_full_image=True,
    )
    inside = full[..., half:-half, half:-half].flatten(1).mean(1)
    assert torch.allclose(ssim_uniform(completed, image, window), inside.float(), atol=1e-6)


def test_flat_ssim_by_hand_for_one_window():
    x, y = torch.rand(1, 1, 51, 51, generator=SEED).double(), torch.rand(1, 1, 51, 51, generator=SEED).double()
    covariance = torch.cov(torch.stack([x.flatten(), y.flatten()]))
    c1, c2 = 0.01**2, 0.03**2
    expected = ((2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)) / (
        (x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
    )
    assert ssim_uniform(x, y, 51).item() == pytest.approx(expected.item(), abs=1e-7)


def test_ssim_of_flat_pictures_compares_means():
    dark, light = torch.full((1, 1, 16, 16), 0.25), torch.full((1, 1, 16, 16), 0.75)
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert ssim(dark, light).item() == pytest.approx(expected, abs=1e-6)


def test_l1_is_in_percent():
    image = torch.zeros(2, 3, 8, 8)
    completed = image.clone()
    completed[0, :, :4] = 1
    assert l1_percent(completed, image).tolist() == [50.0, 0.0]


def test_gray_of_white_is_white():
    assert gray(torch.ones(1, 3, 2, 2)).flatten().tolist() == pytest.approx([1] * 4)


@pytest.mark.parametrize("metric", [psnr, ssim, l1_percent])
def test_other_shapes_are_refused(metric):
    with pytest.raises(AssertionError):
        metric(IMAGE, IMAGE[:, :, :-1])
    with pytest.raises(AssertionError):
        metric(IMAGE[0], IMAGE[0])


def test_a_picture_smaller_than_the_window_is_refused():
    with pytest.raises(AssertionError, match="smaller than the window"):
        ssim(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))


def test_one_broken_picture_does_not_touch_the_others():
    completed = COMPLETED.clone()
    completed[1] = math.nan
    values = psnr(completed, IMAGE)
    assert torch.isnan(values).tolist() == [False, True, False]


def test_figures_of_the_hole_are_those_of_a_picture_that_is_nothing_but_it():
    hole = torch.zeros(3, 1, 72, 64)
    hole[:, :, 10:40, 20:50] = 1
    crop = (slice(None), slice(None), slice(10, 40), slice(20, 50))
    assert torch.allclose(hole_psnr(COMPLETED, IMAGE, hole), psnr(COMPLETED[crop], IMAGE[crop]), atol=1e-4)
    assert torch.allclose(hole_l1_percent(COMPLETED, IMAGE, hole), l1_percent(COMPLETED[crop], IMAGE[crop]), atol=1e-4)
    grown = (slice(None), slice(None), slice(5, 45), slice(15, 55))  # every window whose middle is missing
    inside = hole_ssim(ssim_map(COMPLETED, IMAGE), hole)
    assert torch.allclose(inside, ssim(COMPLETED[grown], IMAGE[grown]), atol=1e-6)


def test_a_picture_without_a_hole_has_no_figures_of_it():
    hole = torch.zeros(3, 1, 72, 64)
    hole[1, :, 20:30, 20:30] = 1
    for figures in (
        hole_psnr(COMPLETED, IMAGE, hole),
        hole_l1_percent(COMPLETED, IMAGE, hole),
        hole_ssim(ssim_map(COMPLETED, IMAGE), hole),
    ):
        assert torch.isnan(figures).tolist() == [True, False, True]


def test_what_lies_outside_the_hole_does_not_count_in_it():
    hole = torch.zeros(3, 1, 72, 64)
    hole[:, :, :20] = 1
    other = torch.where(hole == 1, COMPLETED, torch.zeros(()))
    assert torch.allclose(hole_psnr(other, IMAGE, hole), hole_psnr(COMPLETED, IMAGE, hole))


def test_ms_ssim_follows_its_loss_away_from_the_border():
    """Two computations; the loss leaves the border out, torchmetrics reflects the picture there."""
    smooth = torch.nn.functional.interpolate(IMAGE, (352, 352), mode="bicubic").clamp(0, 1)
    noisy = (smooth + 0.1 * torch.randn(smooth.shape, generator=SEED)).clamp(0, 1)
    assert ms_ssim(noisy, smooth).tolist() == pytest.approx(multi_scale_similarity(noisy, smooth).tolist(), abs=0.01)
    assert ms_ssim(smooth, smooth).tolist() == pytest.approx([1] * 3)
