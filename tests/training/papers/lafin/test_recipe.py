"""The settings of the paper's recipes, one row each, with their place in the paper or in its public code."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.checkpoint import CheckpointError
from training.data.holes import Mixture
from training.data.transforms import Jitter
from training.frozen.features import LOSS_LAYERS
from training.papers import RECIPES
from training.papers.lafin.losses import Weights
from training.papers.lafin.networks import Generator
from training.recipe import Files, Part
from training.step import ALL

PREDICTOR_HOLES = Mixture(((0.50, "none"), (0.25, "block"), (0.25, "irregular")))  # public code
GENERATOR_HOLES = Mixture(((0.50, "block"), (0.50, "irregular")))  # public code; section 3 names both kinds
MILLION = 1_000_000

# images, pixels, batch, phase of each stage: section 2.3; the lengths are ours ("until converged")
STAGES = {
    ("lafin", "predictor"): [(5 * MILLION, 256, 16, ALL)],  # section 2.3
    ("lafin", "generator"): [(4 * MILLION, 256, 4, ALL)],  # section 2.3
    ("lafin_without_attention", "generator"): [(4 * MILLION, 256, 4, ALL)],  # Table 3, without LSTA
    ("lafin_without_landmarks", "generator"): [(4 * MILLION, 256, 4, ALL)],  # Table 3, without LMK
    ("lafin_augmented", "predictor"): [(5 * MILLION, 256, 4, ALL)],  # appendix B: "the batch size shrinks to 4"
    ("lafin_98", "predictor"): [(5 * MILLION, 256, 16, ALL)],  # Table 4
    ("lafin_augmented_98", "predictor"): [(5 * MILLION, 256, 4, ALL)],  # Table 4
}
PARTS = list(STAGES)

# network -> optimiser, learning rate, betas, weight decay: section 2.3
OPTIMISERS = {
    "predictor": {"predictor": (torch.optim.Adam, 1e-4, (0.0, 0.9), 0.0)},
    "generator": {
        "generator": (torch.optim.Adam, 1e-4, (0.0, 0.9), 0.0),
        "discriminator": (torch.optim.Adam, 1e-5, (0.0, 0.9), 0.0),
    },
}

# width, long-short attention, landmarks
NETWORKS = {
    "lafin": (64, True, True),  # Table 8
    "lafin_without_attention": (64, False, True),  # Table 3
    "lafin_without_landmarks": (64, True, False),  # Table 3
}


def part_of(recipe: str, part: str) -> Part:
    return RECIPES[recipe]().part(part)


def test_every_recipe_of_the_paper_stands_here() -> None:
    ours = {"lafin_demo", "lafin_augmented_demo", "lafin_tiny"}
    recipes = {name: RECIPES[name]() for name in RECIPES if name.startswith("lafin") and name not in ours}
    assert {(name, part.name) for name, recipe in recipes.items() for part in recipe.parts} == set(PARTS)


@pytest.mark.parametrize(("recipe", "part"), PARTS)
def test_sizes_batches_and_phases(recipe: str, part: str) -> None:
    stages = part_of(recipe, part).stages
    assert [(s.until_images, s.pixels, s.batch_size, s.phase) for s in stages] == STAGES[recipe, part]
    for stage in stages:  # constant rates on whole frames
        assert (stage.window_pixels, stage.holes) == (None, None)
        assert (stage.learning_rate_factor, stage.decay_to) == (1.0, 1.0)


@pytest.mark.parametrize(("recipe", "part"), PARTS)
def test_holes_and_faces(recipe: str, part: str) -> None:
    made = part_of(recipe, part)
    assert made.holes == {"predictor": PREDICTOR_HOLES, "generator": GENERATOR_HOLES}[part]
    assert made.jitter == Jitter()  # the paper moves no face; flips stand in the README
    assert made.ema_half_life_images == 10_000  # ours, in the README


@pytest.mark.parametrize(("recipe", "part"), PARTS)
def test_optimisers(recipe: str, part: str) -> None:
    with torch.device("meta"):
        step = part_of(recipe, part).build(Files())
    found = {}
    for name, optimizer in step.optimizers.items():
        (group,) = optimizer.param_groups
        assert len(group["params"]) == len(list(step.networks[name].parameters()))
        found[name] = (type(optimizer), group["lr"], group["betas"], group["weight_decay"])
    assert found == OPTIMISERS[part]


@pytest.mark.parametrize("recipe", NETWORKS)
def test_networks_and_the_weights_of_eq_7(recipe: str) -> None:
    width, attention, landmarks = NETWORKS[recipe]
    with torch.device("meta"):
        step = part_of(recipe, "generator").build(Files())
    generator, discriminator = step.networks["generator"], step.networks["discriminator"]
    assert generator.encoder1[1].out_channels == discriminator.body[0].out_channels == width
    assert (generator.attention is not None, step.landmarks) == (attention, landmarks)
    assert step.weights == Weights(perceptual=0.1, style=250.0, variation=0.1, adversarial=0.01)  # below Eq. 7


@pytest.mark.parametrize(
    ("recipe", "count"), [("lafin", 68), ("lafin_augmented", 68), ("lafin_98", 98), ("lafin_augmented_98", 98)]
)
def test_how_many_points(recipe: str, count: int) -> None:
    part = part_of(recipe, "predictor")
    with torch.device("meta"):
        predictor = part.build(Files()).networks["predictor"]
    assert part.wants.landmarks == predictor.landmarks == predictor.head.out_features // 2 == count


def test_the_landmark_loss_is_squared() -> None:
    for recipe in ("lafin", "lafin_augmented", "lafin_98", "lafin_augmented_98"):
        with torch.device("meta"):
            assert part_of(recipe, "predictor").build(Files()).squared  # Eq. 1


def test_feature_layers() -> None:
    assert LOSS_LAYERS["vgg19"] == ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")  # below Eq. 3


@pytest.mark.parametrize("recipe", ["lafin_augmented", "lafin_augmented_98", "lafin_augmented_demo"])
def test_recipes_that_augment_open_the_generator(recipe: str, tiny_repository: Path) -> None:
    part = part_of(recipe, "predictor")
    assert (part.wants.other_holes, part.wants.chance) == (GENERATOR_HOLES, 1)  # section 4: "any mask"; as its training
    step = part.build(Files(generator=tiny_repository / "lafin_generator" / "snapshot.safetensors"))
    generator = step.frozen["generator"]
    assert isinstance(generator, Generator)
    assert not generator.training
    assert step.frozen.keys() == {"generator"}
    assert not part.build(Files()).frozen
    with pytest.raises(CheckpointError, match="holds no generator of LaFIn"):
        part.build(Files(generator=tiny_repository / "gfc_generator" / "snapshot.safetensors"))
