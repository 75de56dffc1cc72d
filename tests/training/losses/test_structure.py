import pytest
import torch

from training.losses.structure import EXPONENTS, multi_scale_similarity, scales_of, similarities
from training.metrics.pixels import ssim


@pytest.mark.parametrize(
    ("pixels", "scales"), [(256, 5), (176, 5), (175, 4), (128, 4), (88, 4), (64, 3), (16, 1), (11, 1)]
)
def test_small_frames_have_fewer_scales(pixels: int, scales: int) -> None:
    assert scales_of(pixels) == scales


def test_equal_pictures_are_alike_and_others_less() -> None:
    image = torch.rand(2, 3, 128, 128)
    assert multi_scale_similarity(image, image).tolist() == pytest.approx([1, 1], abs=1e-5)
    little, much = (
        multi_scale_similarity((image + by * torch.randn_like(image)).clamp(0, 1), image) for by in (0.05, 0.5)
    )
    assert bool((much < little).all())
    assert bool((little < 1).all())


def test_one_scale_is_the_plain_similarity() -> None:
    one, other = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    other = (0.7 * one + 0.3 * other).clamp(0, 1)
    assert torch.allclose(multi_scale_similarity(one, other), ssim(one, other), atol=1e-4)


def test_the_product_of_the_scales() -> None:
    """Of two scales, written out: contrast of the first, all of the second."""
    one = torch.rand(1, 3, 32, 32)
    other = (0.8 * one + 0.2 * torch.rand_like(one)).clamp(0, 1)
    total = EXPONENTS[0] + EXPONENTS[1]
    fine = similarities(one, other)[1].mean()
    halves = (torch.nn.functional.avg_pool2d(z, 2) for z in (one, other))
    luminance, contrast = similarities(*halves)
    whole = sum(EXPONENTS)
    expected = fine ** (EXPONENTS[0] * whole / total) * (luminance * contrast).mean() ** (EXPONENTS[1] * whole / total)
    assert float(multi_scale_similarity(one, other)) == pytest.approx(float(expected), rel=1e-5)


def test_the_gradient_is_finite_where_structures_are_opposite() -> None:
    image = torch.rand(1, 3, 64, 64)
    other = (1 - image).requires_grad_()
    multi_scale_similarity(other, image).sum().backward()
    assert other.grad is not None
    assert bool(other.grad.isfinite().all())
