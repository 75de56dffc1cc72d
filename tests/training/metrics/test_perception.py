"""Feature distance and Frechet distance: exact cases, names, refused heads."""

import numpy as np
import pytest
import safetensors.torch
import torch

from tests.fakes.features import Colours
from training.frozen.features import DISTANCE_LAYERS, FeatureFileError
from training.metrics.perception import FeatureDistance, describe, frechet_distance, open_distance

SEED = torch.Generator().manual_seed(0)


def test_distance_of_equal_pictures_is_zero(features_file):
    image = torch.rand(2, 3, 64, 64, generator=SEED)
    assert open_distance(features_file)(image, image).tolist() == [0, 0]


def test_distance_is_between_unit_vectors():
    red, green = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    red[:, 0], green[:, 1] = 0.3, 0.9
    distance = FeatureDistance(Colours())
    assert distance(red, green).item() == pytest.approx(2)  # |(1,0,0) - (0,1,0)|^2
    assert distance(red, red * 2).item() == pytest.approx(0)


def test_distance_averages_over_space():
    first = torch.zeros(1, 3, 2, 2)
    first[:, 0] = 1
    second = first.clone()
    second[:, :, 0, 0] = torch.tensor([0.0, 1.0, 0.0])
    assert FeatureDistance(Colours())(first, second).item() == pytest.approx(0.5)


def test_heads_weigh_channels():
    red, green = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    red[:, 0], green[:, 1] = 1, 1
    distance = FeatureDistance(Colours(), {"rgb": torch.tensor([0.5, 0.25, 9.0])})
    assert distance(red, green).item() == pytest.approx(0.75)


def test_names_say_the_network_and_whether_heads_were_used():
    assert FeatureDistance(Colours()).name == "feature distance (colours)"
    assert FeatureDistance(Colours(), {"rgb": torch.ones(3)}).name == "LPIPS (colours)"


def test_heads_file_is_read(features_file, tmp_path):
    widths = [64, 128, 256, 384, 384, 512, 512]
    heads = {f"lin{i}.model.1.weight": torch.full((1, width, 1, 1), 2.0) for i, width in enumerate(widths)}
    safetensors.torch.save_file(heads, tmp_path / "heads.safetensors")
    a, b = torch.rand(2, 1, 3, 64, 64, generator=SEED)
    plain, weighted = open_distance(features_file), open_distance(features_file, tmp_path / "heads.safetensors")
    assert weighted.features.layers == DISTANCE_LAYERS["squeezenet1_1"]
    assert torch.allclose(weighted(a, b), 2 * plain(a, b))


def test_wrong_heads_are_refused(features_file, tmp_path):
    safetensors.torch.save_file({"lin0.model.1.weight": torch.ones(1, 64, 1, 1)}, tmp_path / "few.safetensors")
    with pytest.raises(FeatureFileError, match="should hold lin0"):
        open_distance(features_file, tmp_path / "few.safetensors")
    heads = {f"lin{i}.model.1.weight": torch.ones(1, 64, 1, 1) for i in range(7)}
    safetensors.torch.save_file(heads, tmp_path / "narrow.safetensors")
    with pytest.raises(FeatureFileError, match="64 weights for the 128 maps of fire3"):
        open_distance(features_file, tmp_path / "narrow.safetensors")


def test_description_is_the_mean_of_the_deepest_layer():
    image = torch.rand(2, 3, 4, 4, generator=SEED)
    assert torch.allclose(describe(Colours(), image), image.mean(dim=(2, 3)))


def test_frechet_distance_of_equal_sets_is_zero():
    vectors = torch.randn(20, 6, generator=SEED)
    assert frechet_distance(vectors, vectors) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_of_shifted_sets_is_the_squared_shift():
    vectors = torch.randn(20, 6, generator=SEED)
    assert frechet_distance(vectors, vectors + 0.5) == pytest.approx(6 * 0.25, abs=1e-6)


def test_frechet_distance_of_one_dimension_by_hand():
    first, second = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [8.0]])  # deviations sqrt(2), sqrt(32)
    assert frechet_distance(first, second) == pytest.approx(9 + (32**0.5 - 2**0.5) ** 2)


def by_definition(first, second):
    """|m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)), the root by S1's own root."""
    first, second = first.double().numpy(), second.double().numpy()
    one, other = np.cov(first.T), np.cov(second.T)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(0)).sum()
    return ((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(one) + np.trace(other) - 2 * shared


@pytest.mark.parametrize(("rows", "others", "numbers"), [(40, 30, 5), (8, 6, 12), (9, 9, 64)])
def test_frechet_distance_follows_its_definition(rows, others, numbers):
    first = torch.randn(rows, numbers, generator=SEED)
    second = 1.5 * torch.randn(others, numbers, generator=SEED) + 1
    assert frechet_distance(first, second) == pytest.approx(by_definition(first, second), rel=1e-6)


def test_few_pictures_leave_no_noise_in_the_frechet_distance():
    vectors = torch.randn(20, 512, generator=SEED)
    assert frechet_distance(vectors, vectors) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_serves_fewer_pictures_than_features():
    first, second = torch.randn(5, 12, generator=SEED), torch.randn(6, 12, generator=SEED)
    value = frechet_distance(first, second)
    assert value > 0
    assert value == pytest.approx(frechet_distance(second, first), rel=1e-5)
