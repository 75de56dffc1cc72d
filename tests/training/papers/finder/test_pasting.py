import numpy as np
import pytest

from training.papers.finder.pasting import around_point, draw_roll, paste, recoloured, similarity, with_opacity


def test_a_similarity_scales_turns_clockwise_and_puts_the_middle() -> None:
    matrix = similarity(11, 22, 90, np.array([50.0, 60.0]))
    assert matrix @ (5, 5, 1) == pytest.approx((50, 60))
    assert matrix @ (6, 5, 1) == pytest.approx((50, 62))  # right goes down


def test_mirroring_goes_first() -> None:
    matrix = around_point(np.array([10.0, 20.0]), 2.0, 0.0, np.array([0.0, 0.0]), True)
    assert matrix @ (11, 21, 1) == pytest.approx((-2, 2))


def test_an_opaque_picture_replaces_a_clear_one_leaves_and_half_mixes() -> None:
    scene = np.full((40, 40, 3), 100, np.uint8)
    rgba = np.full((10, 10, 4), 200, np.uint8)
    for opacity, value in ((255, 200), (0, 100), (128, 150)):
        canvas = scene.copy()
        rgba[..., 3] = opacity
        paste(canvas, np.zeros((40, 40), np.uint8), rgba, similarity(10, 10, 0, np.array([20.0, 20.0])))
        assert abs(int(canvas[20, 20, 0]) - value) <= 2
        assert (canvas[:10] == 100).all()


@pytest.mark.parametrize("middle", [(-3.0, 20.0), (41.0, 43.0), (500.0, 500.0)])
def test_what_lies_beyond_the_scene_is_cut(middle: tuple[float, float]) -> None:
    scene = np.zeros((40, 40, 3), np.uint8)
    layers = np.zeros((40, 40), np.uint8)
    paste(scene, layers, np.full((10, 10, 4), 255, np.uint8), similarity(10, 20, 30, np.array(middle)))
    assert scene.any() == (max(middle) < 100)


def test_what_was_pasted_later_lies_on_top() -> None:
    scene, layers = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8)
    for middle in (15.0, 22.0):
        paste(scene, layers, np.full((10, 10, 4), 255, np.uint8), similarity(10, 10, 0, np.array([middle, 20.0])))
    assert layers[20, [5, 13, 19, 24]].tolist() == [0, 1, 2, 2]


def test_heads_are_cut_out_or_keep_their_surroundings() -> None:
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[20:40, 20:40, 3] = 255
    opacities = [with_opacity(rgba, np.random.default_rng(seed))[..., 3] for seed in range(40)]
    cut = [np.array_equal(opacity, rgba[..., 3]) for opacity in opacities]
    assert 10 < sum(cut) < 30
    assert all(opacity[30, 30] == 255 for opacity in opacities)
    hard = [opacity[0, 0] == 255 for opacity in opacities]
    assert 0 < sum(hard) < 15


def test_another_light_leaves_the_outline() -> None:
    rgba = np.full((8, 8, 4), 100, np.uint8)
    lights = [recoloured(rgba, np.random.default_rng(seed)) for seed in range(20)]
    assert all((light[..., 3] == 100).all() for light in lights)
    assert len({light.tobytes() for light in lights}) > 5


def test_half_of_the_faces_stand_nearly_upright() -> None:
    rolls = np.array([draw_roll(np.random.default_rng(seed)) for seed in range(400)])
    assert 0.4 < (np.abs(rolls) < 30).mean() < 0.7
    assert (np.abs(rolls) > 150).mean() > 0.04
