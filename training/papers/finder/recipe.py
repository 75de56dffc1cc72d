"""The recipes of the finder; `finder_demo` made the shipped snapshot."""

from __future__ import annotations

from dataclasses import replace

from training import muon
from training.data.holes import Mixture
from training.papers.finder.networks import Finder
from training.papers.finder.rows import scene_row
from training.papers.finder.step import LOSS, FinderStep
from training.recipe import Part, Recipe, Stage, tiny

NO_HOLES = Mixture(((1.0, "none"),))  # scenes bring their own
ADAM, MUON = 2e-3, 0.02


def build_finder(finder: Finder) -> FinderStep:
    """Muon for all convolutions but depth-wise ones and the last, which go by Adam."""
    return FinderStep(finder, muon.optimizer(finder, ADAM, (0.9, 0.999), MUON, last=finder.head[-1]))


def finder() -> Recipe:
    """Much data and much time: two million scenes."""
    part = replace(
        finder_demo().parts[0],
        stages=(
            Stage(until_images=1_600_000, pixels=320, batch_size=64),
            Stage(until_images=2_000_000, pixels=640, batch_size=32, decay_to=0.01),
        ),
        ema_half_life_images=20_000,
        checkpoint_every_images=20_000,
        sheet_every_images=100_000,
    )
    return Recipe("finder", (part,))


def finder_demo() -> Recipe:
    """For an hour of one shared CPU core."""
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
    return Recipe("finder_demo", (part,))


def finder_tiny() -> Recipe:
    """For tests: a few updates of a narrow network on small scenes."""
    part = tiny(
        finder_demo().part("finder"),
        lambda files: build_finder(Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1))),
        (Stage(until_images=8, pixels=128, batch_size=2), Stage(until_images=12, pixels=192, batch_size=2)),
    )
    return Recipe("finder_tiny", (part,))
