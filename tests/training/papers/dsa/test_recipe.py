"""The settings of the paper's recipes, one row each, with their place in the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.several import files
from training.data.holes import Mixture
from training.data.transforms import Jitter
from training.frozen.features import DISTANCE_LAYERS, FrozenFeatures
from training.papers import RECIPES
from training.papers.dsa.attention import DualSpatialAttention
from training.papers.dsa.contextual import ContextualAttention
from training.papers.dsa.losses import Weights
from training.papers.dsa.recipe import build
from training.papers.dsa.step import GeneratorStep
from training.recipe import Files, Part

MILLION = 1_000_000
BOXES = Mixture(((1.0, "box"),))  # section 4.1: 94 to 128 px
IRREGULAR = Mixture(((1.0, "irregular"),))  # appendix D
PAPER = Weights(reconstruction=10, supervision=2, perceptual=1, adversarial=1, penalty=10)  # below Eq. 10; Eq. 8
UNSUPERVISED = Weights(supervision=0)  # Table 4
C = {"global": 64, "local": 48} | dict.fromkeys(("quarters", "left_eye", "right_eye", "nose", "mouth"), 32)  # Table 7
TWO = {"global": 64, "local": 48}  # Figure 7

# images (ours), px, holes, discriminators, weights, attention, levels, strides, the local ones look at the middle
ROWS: dict[str, tuple[Any, ...]] = {
    "dsa": (4 * MILLION, 256, BOXES, C, PAPER, DualSpatialAttention, 8, 3, False),  # section 4.1
    "dsa_ffhq": (8 * MILLION, 256, BOXES, C, PAPER, DualSpatialAttention, 8, 3, False),  # Table 5: eight days, not four
    "dsa_irregular": (4 * MILLION, 256, IRREGULAR, C, PAPER, DualSpatialAttention, 8, 3, True),  # appendix D
    "dsa_1024": (4 * MILLION, 1024, BOXES, C, PAPER, DualSpatialAttention, 10, 5, False),  # Tables 8 and 9
    "dsa_without_supervision": (4 * MILLION, 256, BOXES, C, UNSUPERVISED, DualSpatialAttention, 8, 3, False),  # Table 4
    "dsa_contextual_attention": (4 * MILLION, 256, BOXES, C, UNSUPERVISED, ContextualAttention, 8, 3, False),  # Table 3
    "dsa_two_discriminators": (4 * MILLION, 256, BOXES, TWO, PAPER, DualSpatialAttention, 8, 3, False),  # Figure 7
}
OURS = {"dsa_demo", "dsa_without_supervision_demo", "dsa_tiny"}


def part_of(recipe: str) -> Part:
    (part,) = RECIPES[recipe]().parts
    return part


def step_of(recipe: str) -> GeneratorStep:
    with torch.device("meta"):
        step = part_of(recipe).build(Files())
    assert isinstance(step, GeneratorStep)
    return step


def test_every_recipe_of_the_paper_stands_here() -> None:
    assert {name for name in RECIPES if name.startswith("dsa")} - OURS == set(ROWS)


@pytest.mark.parametrize("recipe", ROWS)
def test_stages_holes_and_chance(recipe: str) -> None:
    images, pixels, holes, *_ = ROWS[recipe]
    part = part_of(recipe)
    assert [(s.until_images, s.pixels, s.batch_size, s.phase) for s in part.stages] == [(images, pixels, 16, "")]
    assert (part.holes, part.wants.chance, part.jitter) == (holes, 7, Jitter())


@pytest.mark.parametrize("recipe", ROWS)
def test_networks_weights_and_optimisers(recipe: str) -> None:
    _, _, _, widths, weights, attention, levels, strides, central = ROWS[recipe]
    step = step_of(recipe)
    generator = step.networks["generator"]
    assert (len(generator.encoder), generator.encoder[0][0].out_channels) == (levels, 64)
    assert [type(layer.attention) for layer in generator.decoder[3:6]] == [attention] * 3
    judges = {name: step.networks[name].body[0].out_channels for name in step.judges}
    assert judges == widths
    assert {
        len([layer for layer in step.networks[name].body if isinstance(layer, torch.nn.Conv2d)]) for name in judges
    } == {strides + 2}
    assert (step.weights, step.central) == (weights, central)
    for name, optimizer in step.optimizers.items():
        assert isinstance(optimizer, torch.optim.RMSprop)
        (group,) = optimizer.param_groups
        assert group["lr"] == 1e-4
        assert len(group["params"]) == len(list(step.networks[name].parameters()))


def test_features_are_looked_through_at_the_layers_of_lpips(tmp_path: Path) -> None:
    """Eq. 7: the VGG-16 is that of LPIPS."""
    features = build(files(tmp_path), width=4, channels=dict.fromkeys(C, 4)).frozen["features"]
    assert isinstance(features, FrozenFeatures)
    assert features.layers == DISTANCE_LAYERS[features.network]


def test_the_demo_ships_at_most_12_megabytes_and_its_ablation_differs_in_the_oracle_alone() -> None:
    demo, without = step_of("dsa_demo"), step_of("dsa_without_supervision_demo")
    numbers = sum(tensor.numel() for tensor in demo.networks["generator"].state_dict().values())
    assert 2 * numbers < 12e6
    assert part_of("dsa_demo").stages == part_of("dsa_without_supervision_demo").stages
    assert demo.weights.supervision > 0
    assert without.weights == Weights(
        supervision=0, perceptual=demo.weights.perceptual, adversarial=demo.weights.adversarial
    )
