"""The settings of the paper's recipes, one row each, with their place in the paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from training.data.holes import Mixture
from training.data.transforms import Jitter
from training.judged import JUDGED
from training.papers import RECIPES
from training.papers.reference.attributes import CELEBA, RATINGS, names
from training.papers.reference.backbone import BackboneStep
from training.papers.reference.losses import FEATURE_LAYERS, Weights
from training.papers.reference.rows import LABELS
from training.papers.reference.step import Manner, ReferenceStep
from training.recipe import Files, Part
from training.step import ALL

LAMBDAS = Weights()  # section 4.1, held by test_losses.py
STAGES = [(280_000, 256, 16, LABELS), (3_080_000, 256, 8, ALL)]  # lengths and batches are ours, in the README

# recipe -> stages (images, pixels, batch, phase), losses
PAPER = {
    "reference": (STAGES, LAMBDAS),
    "reference_lbam": ([(2_800_000, 256, 8, ALL)], replace(LAMBDAS, structure=0.0)),
    "reference_without_perceptual": (STAGES, replace(LAMBDAS, perceptual=0.0)),  # Figure 6
    "reference_without_style": (STAGES, replace(LAMBDAS, style=0.0)),  # Figure 6
    "reference_without_structure": (STAGES, replace(LAMBDAS, structure=0.0)),  # Figure 6
    "reference_without_attributes": (STAGES, replace(LAMBDAS, attributes=0.0)),
}


def part_of(recipe: str) -> Part:
    (part,) = RECIPES[recipe]().parts
    return part


def built(recipe: str) -> ReferenceStep | BackboneStep:
    with torch.device("meta"):
        step = part_of(recipe).build(Files())
    assert isinstance(step, ReferenceStep | BackboneStep)
    return step


def test_every_recipe_of_the_paper_stands_here() -> None:
    assert {name for name in RECIPES if name.startswith("reference")} == {
        *PAPER,
        "reference_demo",
        "reference_judge",
        "reference_tiny",
    }


@pytest.mark.parametrize("recipe", PAPER)
def test_sizes_batches_and_phases(recipe: str) -> None:
    part = part_of(recipe)
    assert [(s.until_images, s.pixels, s.batch_size, s.phase) for s in part.stages] == PAPER[recipe][0]
    for stage in part.stages:
        assert (stage.window_pixels, stage.holes, stage.learning_rate_factor, stage.decay_to) == (None, None, 1, 1)
    assert part.holes == Mixture(((1.0, "quickdraw"),))  # section 4.1
    assert part.jitter == Jitter()


@pytest.mark.parametrize("recipe", PAPER)
def test_networks_optimisers_and_losses(recipe: str) -> None:
    step = built(recipe)
    assert step.weights == PAPER[recipe][1]
    alone = recipe == "reference_lbam"
    assert set(step.networks) == {"generator", "discriminator"} | (set() if alone else {"extractor", "auxiliary"})
    for name, optimizer in step.optimizers.items():
        (group,) = optimizer.param_groups
        assert type(optimizer) is torch.optim.Adam
        assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-4, (0.5, 0.9), 0)
        assert len(group["params"]) == len(list(step.networks[name].parameters()))
    assert step.networks["generator"].encoder[0].out_channels == 64
    assert step.networks["generator"].decoder[0].in_channels == 512 + (0 if alone else 8)


def test_the_paper_is_done_in_the_papers_manner_with_its_attributes() -> None:
    for recipe in PAPER:
        step = built(recipe)
        if isinstance(step, ReferenceStep):
            assert step.manner == Manner(through_generator=True, whole_fakes=True, redrawn=0.0, hidden=0.0, reach=0.0)
            assert step.attributes == CELEBA
            assert part_of(recipe).wants.attributes == names(CELEBA)  # section 4.1


def test_feature_layers() -> None:
    assert FEATURE_LAYERS["vgg16"] == ("relu1_2", "relu2_2", "relu3_3")


def test_the_demo_has_visible_ratings_and_is_small_enough_to_ship() -> None:
    step = built("reference_demo")
    assert isinstance(step, ReferenceStep)
    assert step.attributes == RATINGS
    shipped = sum(p.numel() for name in ("generator", "extractor") for p in step.networks[name].parameters())
    assert 2 * shipped < 12e6  # bytes in half precision
    phases = [stage.phase for stage in part_of("reference_demo").stages]
    assert phases[0] == LABELS
    assert phases[2:] == [ALL, JUDGED]


def test_muon_moves_hidden_layers_of_both_kinds_and_no_kernel_of_masks() -> None:
    step = built("reference_demo")
    generator = step.networks["generator"]
    adam, hidden, transposed = step.optimizers["generator"].param_groups
    assert {id(p) for p in hidden["params"]} == {id(layer.weight) for layer in generator.encoder}
    assert {id(p) for p in transposed["params"]} == {id(layer.weight) for layer in generator.decoder[:-1]}
    assert (hidden["transposed"], transposed["transposed"]) == (False, True)
    counted = sum(len(group["params"]) for group in (adam, hidden, transposed))
    assert counted == len(list(generator.parameters()))
    masks = {id(p) for branch in (generator.forward_branch, generator.reverse_branch) for p in branch.parameters()}
    assert masks <= {id(p) for p in adam["params"]}
    assert type(step.optimizers["discriminator"]) is torch.optim.Adam
