"""The published checkpoints of LaFIn: their layout, their key names, and the way to this package's snapshots.

`InpaintingModel_gen.pth` is {iteration, generator}, `landmark_detector.pth` is {iteration, detector}. Keys may carry
`module.`. The residual block of the attention has spectral norm, stored as weight_orig, weight_u, weight_v, and its
entries stand twice, under alias keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.data.landmarks import COUNT, WFLW_COUNT
from training.papers.lafin.networks import Generator, Predictor
from training.published_keys import PublishedKeysError, bare_keys, require_keys


@dataclass(frozen=True)
class Published:
    """How a published network maps to one of this package."""

    entry: str  # key of the file under which the weights stand
    prefixes: dict[str, str]  # published module -> this package's module; others keep their name
    spectral: tuple[str, ...]  # published modules whose weight is stored as weight_orig, weight_u, weight_v
    aliases: dict[str, str]  # published module that is stored again -> the module that it repeats


GENERATOR = Published(
    entry="generator",
    prefixes={
        **{f"middle.{block}.conv_block": f"middle.{block}.body" for block in range(7)},
        "auto_attn.query_conv": "attention.attention.query",
        "auto_attn.model.conv1": "attention.merge.first",
        "auto_attn.model.conv2": "attention.merge.second",
        "auto_attn.model.bypass": "attention.merge.bypass",
        "auto_attn": "attention",
        "fushion1": "fusion1",
        "fushion2": "fusion2",
        "decoder3": "output",
    },
    spectral=("auto_attn.model.conv1", "auto_attn.model.conv2", "auto_attn.model.bypass"),
    aliases={
        "auto_attn.model.model.1": "auto_attn.model.conv1",
        "auto_attn.model.model.3": "auto_attn.model.conv2",
        "auto_attn.model.shortcut.0": "auto_attn.model.bypass",
    },
)
PREDICTOR = Published(
    entry="detector",
    prefixes={
        "last_block": "last",
        "conv_node1": "node1",
        "conv_node2": "node2",
        "conv1_after_mbnet": "node3",
        "fc_landmark": "head",
    },
    spectral=(),
    aliases={},
)


def convert_generator(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published generator weights to a snapshot of `Generator`, spectral norm baked. Raises PublishedKeysError."""
    with torch.device("meta"):
        return convert(weights, GENERATOR, Generator(spectral=False))


def convert_predictor(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published landmark detector weights, for 68 or 98 points, to a snapshot of `Predictor`.

    Raises PublishedKeysError.
    """
    last = bare_keys(weights).get("fc_landmark.bias")
    landmarks = WFLW_COUNT if last is not None and len(last) == 2 * WFLW_COUNT else COUNT
    with torch.device("meta"):
        return convert(weights, PREDICTOR, Predictor(landmarks))


def convert(weights: Mapping[str, Tensor], published: Published, network: nn.Module) -> dict[str, Tensor]:
    """Weights of a published file to those of `network`; its shapes decide, its values are not looked at."""
    found = bare_keys(weights)
    expected = expected_shapes(published, network)
    require_keys(found, expected, lambda key: original_of(key, published) is not None)
    require_equal_aliases(found, published)
    snapshot: dict[str, Tensor] = {}
    for ours in network.state_dict():
        theirs = published_key(ours, published)
        module = theirs.removesuffix(".weight")
        if module in published.spectral and module != theirs:
            snapshot[ours] = bake(*(found[f"{theirs}_{part}"] for part in ("orig", "u", "v")))
        else:
            snapshot[ours] = found[theirs]
    return snapshot


def bake(weight: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """The weight that spectral norm applies in evaluation: W / (u . W v), W as [out, -1]. [O,...], [O], [rest]."""
    matrix = weight.double().flatten(1)
    sigma = u.double() @ (matrix @ v.double())
    return (weight.double() / sigma).to(weight.dtype)


def published_key(ours: str, published: Published) -> str:
    """The published name of one of this package's keys; the longest prefix wins."""
    for theirs, prefix in sorted(published.prefixes.items(), key=lambda pair: -len(pair[1])):
        if ours.startswith(f"{prefix}."):
            return theirs + ours[len(prefix) :]
    return ours


def expected_shapes(published: Published, network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Published key -> shape, without aliases."""
    shapes: dict[str, tuple[int, ...]] = {}
    for ours, weight in network.state_dict().items():
        key, shape = published_key(ours, published), tuple(weight.shape)
        if key.removesuffix(".weight") in published.spectral:
            columns = weight[0].numel()
            shapes |= {f"{key}_orig": shape, f"{key}_u": shape[:1], f"{key}_v": (columns,)}
        else:
            shapes[key] = shape
    return shapes


def require_equal_aliases(found: Mapping[str, Tensor], published: Published) -> None:
    """PublishedKeysError if an entry that is stored twice has two values."""
    for key, weight in found.items():
        original = original_of(key, published)
        if original is not None and not torch.equal(weight, found[original]):
            raise PublishedKeysError(f"{key} should repeat {original}, but has other values")


def original_of(key: str, published: Published) -> str | None:
    """The key that an alias repeats; None for every other key."""
    for alias, original in published.aliases.items():
        if key.startswith(f"{alias}."):
            return original + key[len(alias) :]
    return None
