"""The recipes of the finder; `finder_demo` made the shipped snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from training import muon
from training.data.holes import Mixture
from training.data.stream import Wants
from training.papers.finder.networks import Finder
from training.papers.finder.rows import scene_row
from training.papers.finder.serving import open_maps
from training.papers.finder.step import LOSS, FinderStep, VerifierStep
from training.papers.finder.trials import CHANCE
from training.papers.finder.verifier import VerifiedFinder, Verifier
from training.recipe import Files, Part, Recipe, RecipeError, Stage, tiny

NO_HOLES = Mixture(((1.0, "none"),))  # scenes bring their own
ADAM, MUON = 2e-3, 0.02
TAUGHT, UNTAUGHT, WEIGHT_DECAY = 2e-4, 1e-3, 0.02  # rates of the second look: ImageNet's layers, its own


def build_finder(finder: Finder) -> FinderStep:
    """Muon for all convolutions but depth-wise ones and the last, which go by Adam."""
    return FinderStep(finder, muon.optimizer(finder, ADAM, (0.9, 0.999), MUON, last=finder.head[-1]))


def build_verifier(files: Files, verifier: Verifier | None = None, maps: Finder | None = None) -> VerifierStep:
    """AdamW; what ImageNet has taught moves slowly. Without features all of it begins untrained.

    The maps are the trained ones, if not these.
    """
    verifier = verifier or Verifier()
    if files.features is not None:
        verifier.begin_with(files.features)
    taught = {id(parameter) for parameter in verifier.features.parameters()}
    rest = [parameter for parameter in verifier.parameters() if id(parameter) not in taught]
    groups = [{"params": list(verifier.features.parameters()), "lr": TAUGHT}, {"params": rest, "lr": UNTAUGHT}]
    optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    return VerifierStep(VerifiedFinder(maps or open_maps(trained(files)), verifier), optimizer)


def trained(files: Files) -> Path:
    """The snapshot of the maps: the one that is named, or this run's. Raises RecipeError if there is none."""
    own = None if files.run is None else files.run / "finder" / "finder.safetensors"
    path = files.finder or own
    if path is None or (files.finder is None and not path.is_file()):
        raise RecipeError(
            "part verifier needs a trained part finder: train all parts of the recipe in one run, "
            "or name its snapshot, --finder RUN/finder/finder.safetensors"
        )
    return path


def finder() -> Recipe:
    """Much data and much time: two million scenes."""
    maps, verifier = finder_demo().parts
    maps = replace(
        maps,
        stages=(
            Stage(until_images=1_600_000, pixels=320, batch_size=64),
            Stage(until_images=2_000_000, pixels=640, batch_size=32, decay_to=0.01),
        ),
        ema_half_life_images=20_000,
        checkpoint_every_images=20_000,
        sheet_every_images=100_000,
    )
    verifier = replace(verifier, stages=(Stage(until_images=400_000, pixels=320, batch_size=32, decay_to=0.01),))
    return Recipe("finder", (maps, verifier))


def finder_demo() -> Recipe:
    """For some hours of one shared CPU core: the maps, then the second look at what they name."""
    part = Part(
        name="finder",
        build=lambda files: build_finder(Finder()),
        stream=scene_row,
        best_by=LOSS,
        stages=(
            Stage(until_images=24_000, pixels=192, batch_size=16),
            Stage(until_images=30_000, pixels=320, batch_size=16, learning_rate_factor=0.7, decay_to=0.02),
            Stage(until_images=60_000, pixels=320, batch_size=16, learning_rate_factor=0.7, decay_to=0.02),
            Stage(until_images=130_000, pixels=320, batch_size=16, learning_rate_factor=0.7, decay_to=0.02),
            Stage(until_images=220_000, pixels=320, batch_size=16, learning_rate_factor=0.7, decay_to=0.02),
            Stage(until_images=290_000, pixels=320, batch_size=16, learning_rate_factor=0.7, decay_to=0.02),
        ),
        holes=NO_HOLES,
        ema_half_life_images=1_500,
        checkpoint_every_images=2_000,
    )
    verifier = Part(
        name="verifier",
        build=build_verifier,
        stream=scene_row,
        best_by=LOSS,
        stages=(
            Stage(until_images=1_000, pixels=320, batch_size=16, learning_rate_factor=0.3),
            Stage(until_images=16_000, pixels=320, batch_size=16),
            Stage(until_images=32_000, pixels=320, batch_size=16, decay_to=0.02),
            Stage(until_images=60_000, pixels=320, batch_size=16, learning_rate_factor=0.7, decay_to=0.02),
            Stage(until_images=84_000, pixels=320, batch_size=16, learning_rate_factor=0.7, decay_to=0.02),
            Stage(until_images=108_000, pixels=320, batch_size=16, learning_rate_factor=0.7, decay_to=0.02),
        ),
        holes=NO_HOLES,
        wants=Wants(chance=CHANCE),
        ema_half_life_images=1_500,
        checkpoint_every_images=2_000,
    )
    return Recipe("finder_demo", (part, verifier))


def finder_tiny() -> Recipe:
    """For tests: a few updates of a narrow network on small scenes."""
    part = tiny(
        finder_demo().part("finder"),
        lambda files: build_finder(tiny_maps()),
        (Stage(until_images=8, pixels=128, batch_size=2), Stage(until_images=12, pixels=192, batch_size=2)),
    )
    verifier = tiny(
        finder_demo().part("verifier"),
        lambda files: build_verifier(files, Verifier(4, 8), None if files.run or files.finder else tiny_maps()),
        (Stage(until_images=12, pixels=128, batch_size=2),),
    )
    return Recipe("finder_tiny", (part, verifier))


def tiny_maps() -> Finder:
    return Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1))
