import numpy as np
import pytest

from training.papers.finder.photography import as_grey, blurred, compressed, lighten, noisy, photograph

SCENE = np.random.default_rng(0).integers(256, size=(48, 64, 3)).astype(np.uint8)


def test_the_same_generator_makes_the_same_photograph() -> None:
    one, other = (photograph(SCENE, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one, other)
    assert one.shape == SCENE.shape
    assert len({photograph(SCENE, np.random.default_rng(seed)).tobytes() for seed in range(8)}) == 8


def test_some_photographs_are_grey_and_some_dark() -> None:
    photographs = [photograph(SCENE, np.random.default_rng(seed)) for seed in range(120)]
    grey = [np.ptp(picture.astype(int), axis=2).max() < 40 for picture in photographs]
    dark = [picture.mean() < 80 for picture in photographs]
    assert 4 <= sum(grey) <= 30
    assert 6 <= sum(dark) <= 40


@pytest.mark.parametrize("change", [lighten, blurred, noisy])
def test_each_change_keeps_shape_and_type(change: object) -> None:
    changed = change(SCENE, np.random.default_rng(1))
    assert changed.shape == SCENE.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, SCENE)


def test_grey_has_equal_channels() -> None:
    assert np.ptp(as_grey(SCENE), axis=2).max() == 0


def test_a_lower_quality_leaves_less() -> None:
    smooth = np.tile(np.arange(64, dtype=np.uint8)[None, :, None] * 4, (48, 1, 3))
    errors = [np.abs(compressed(smooth, quality).astype(int) - smooth).mean() for quality in (20, 90)]
    assert errors[0] > errors[1]
