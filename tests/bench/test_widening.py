"""The wide generator paints what the shipped one paints, and so does the published arithmetic."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.bench.stack import ROOT
from tests.bench.widening import GENERATOR, PublishedAttention, publish, widened
from training.checkpoint import load_snapshot
from training.papers.lafin.serving import ServedGenerator, load_generator


def shipped() -> dict[str, Tensor]:
    return load_snapshot(ROOT / "model_repository" / GENERATOR / "snapshot.safetensors")[0]


def painted(served: ServedGenerator) -> Tensor:
    random = torch.Generator().manual_seed(0)
    masked, hole = torch.rand(1, 3, 48, 48, generator=random), torch.zeros(1, 1, 48, 48)
    hole[..., 10:30, 10:30] = 1
    with torch.no_grad():
        raw: Tensor = served.generator(masked * (1 - hole) + hole, torch.zeros(1, 1, 48, 48), hole)
    return raw


def test_every_channel_twice_paints_the_same() -> None:
    state = shipped()
    wide = load_generator(widened(state))
    assert wide.generator.encoder1[1].weight.shape[0] == 2 * state["encoder1.1.weight"].shape[0]
    assert torch.allclose(painted(wide), painted(load_generator(state)), atol=1e-4)


def test_the_published_arithmetic_paints_the_same() -> None:
    own, published = load_generator(shipped()), load_generator(shipped())
    publish(published)
    kinds = {type(module) for module in published.modules()}
    assert {nn.InstanceNorm2d, PublishedAttention} <= kinds
    assert torch.allclose(painted(published), painted(own), atol=1e-4)
