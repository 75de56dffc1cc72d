"""Figures from a frozen feature network: feature distance and Frechet distance. Each says which network it used."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from training.frozen.features import DISTANCE_LAYERS, FeatureFileError, FeatureNetwork, load_features, read_weights
from training.metrics.naming import named

NORM_FLOOR = 1e-10
LPIPS, FEATURE_DISTANCE = "LPIPS", "feature distance"


class FeatureDistance:
    """Distance of unit-length feature vectors, summed over layers: LPIPS (Zhang et al. 2018), Eq. 1.

    Without a file of learnt heads every channel weighs 1, which is the paper's baseline and not LPIPS proper.
    `name` says which of the two it is, and the network, with the hashes of `files`, which both were read from.
    Pictures [B,3,H,W] in [0,1] -> [B], 0 for equal ones.
    """

    def __init__(
        self, features: FeatureNetwork, heads: dict[str, Tensor] | None = None, files: tuple[Path, ...] = ()
    ) -> None:
        self.features = features
        self.heads = heads
        self.name = f"{LPIPS if heads else FEATURE_DISTANCE} ({named(features.network, *files)})"

    def __call__(self, completed: Tensor, image: Tensor) -> Tensor:
        assert completed.shape == image.shape, (completed.shape, image.shape)
        return self.from_maps(completed, self.features(image))

    def from_maps(self, completed: Tensor, targets: dict[str, Tensor]) -> Tensor:
        """The same, of a picture whose maps are known: several methods complete one picture."""
        total = torch.zeros(completed.shape[0], device=completed.device)
        maps = self.features(completed)
        for layer in maps:
            difference = (_unit(maps[layer]) - _unit(targets[layer])) ** 2
            if self.heads:
                difference = difference * self.heads[layer].to(difference).view(1, -1, 1, 1)
            total = total + difference.sum(dim=1).flatten(1).mean(dim=1)
        return total


def open_distance(features_file: Path, heads_file: Path | None = None, device: str = "cpu") -> FeatureDistance:
    """The feature distance of the network in a file, with LPIPS's heads when their file is given.

    The heads file has the published key names, `lin0.model.1.weight` [1,C,1,1] and so on, one a layer.
    """
    features = load_features(features_file, DISTANCE_LAYERS).to(device)
    if heads_file is None:
        return FeatureDistance(features, files=(features_file,))
    weights = read_weights(heads_file)
    keys = [f"lin{index}.model.1.weight" for index in range(len(features.layers))]
    if sorted(weights) != keys:
        raise FeatureFileError(f"{heads_file} should hold {keys[0]} to {keys[-1]}; it holds {sorted(weights)}")
    heads = dict(zip(features.layers, (weights[key].flatten().float() for key in keys), strict=True))
    probe = features(torch.zeros(1, 3, 64, 64, device=device))
    for layer, head in heads.items():
        if len(head) != probe[layer].shape[1]:
            raise FeatureFileError(f"{heads_file}: {len(head)} weights for the {probe[layer].shape[1]} maps of {layer}")
    return FeatureDistance(features, heads, (features_file, heads_file))


def describe(features: FeatureNetwork, image: Tensor) -> Tensor:
    """One vector a picture: the deepest layer, averaged over space. [B,3,H,W] in [0,1] -> [B,C]."""
    maps = features(image)
    return maps[features.layers[-1]].flatten(2).mean(dim=2)


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Frechet distance of two sets of vectors taken as Gaussians: LaFIn, Eq. 8 (Heusel et al. 2017), by torchmetrics.

    [N,C] and [M,C], at least two rows each. Comparable only between sets of the same sizes and the same network.
    """
    assert first.ndim == second.ndim == 2, (first.shape, second.shape)
    assert first.shape[1] == second.shape[1], (first.shape, second.shape)
    assert min(len(first), len(second)) >= 2, "a covariance needs two rows"
    vectors = _within_span(torch.cat((first, second)).double())
    metric = FrechetInceptionDistance(feature=_Vectors(vectors.shape[1]))
    metric.update(vectors[: len(first)], real=True)
    metric.update(vectors[len(first) :], real=False)
    return float(metric.compute())


class _Vectors(nn.Identity):
    """What torchmetrics takes for a network, where the pictures are described already."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.num_features = numbers


def _within_span(vectors: Tensor) -> Tensor:
    """[N,C] -> [N, at most N]: around their mean, in axes of the space that they span, which changes no distance.

    A few pictures then have small covariances, of which torchmetrics takes the eigenvalues in no time.
    """
    centred = vectors - vectors.mean(dim=0)
    if len(centred) >= centred.shape[1]:
        return centred
    return centred @ torch.linalg.qr(centred.T).Q


def _unit(features: Tensor) -> Tensor:
    """Every position's vector divided by its length."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + NORM_FLOOR)
