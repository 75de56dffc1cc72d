"""The recipes of GFC. `gfc` is the paper's; `gfc_m1` to `gfc_m4` are its ablations; `gfc_demo` made the snapshot."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from training.data.drawn import DrawnFaces
from training.data.holes import Mixture
from training.data.stream import FaceStream, Wants, collate
from training.data.transforms import Jitter
from training.frozen.features import load_features
from training.masking import complete
from training.papers.gfc.losses import Weights
from training.papers.gfc.networks import FRAME_PIXELS, HOLE_PIXELS, Discriminator, Generator
from training.papers.gfc.step import GLOBAL, LOCAL, GeneratorStep
from training.recipe import Files, Part, Recipe, Stage, tiny
from training.step import ALL, RECONSTRUCTION

# Section 4.1: a 64 px square anywhere.
SQUARE = Mixture(((1.0, "block"),))
# Section 4.1: flipping (always on), shift, rotation by 15 degrees, scaling.
SECTION_4_1 = Jitter(rotation_degrees=15, scale=0.1, shift=0.05)

DEMO_HOLES = Mixture(
    ((0.40, "block"), (0.20, "center"), (0.10, "eyes"), (0.05, "O4"), (0.05, "O5"), (0.05, "O6"), (0.15, "20-40"))
)
DEMO_JITTER = Jitter(rotation_degrees=8, scale=0.1, shift=0.04, colour=0.1)
NOISE = Wants(noise=True)  # what fills the hole
PAPER = Weights()
# The feature maps of the Keras weights of SqueezeNet are about a hundred times VGG's.
DEMO_WEIGHTS = Weights(hole=4.0, perceptual=0.001)


def build(
    files: Files,
    *,
    width: int = 32,
    bottleneck: int = 4096,
    judge_width: int = 64,
    weights: Weights = PAPER,
    learning_rate: float = 1e-4,
    discriminator_learning_rate: float = 2e-4,
    muon_length: float = 0.0,
    noise_grain: int = 1,
    norm: bool = False,
) -> GeneratorStep:
    """Adam, 1e-4 for the generator, 2e-4 and beta 0.5 for the discriminators; the weights of section 4.

    With `muon_length` the generator's hidden layers go by Muon instead.
    """
    first = Generator(width, bottleneck, norm=norm)
    first.calibrate(drawn_faces())
    return GeneratorStep(
        first,
        Discriminator(HOLE_PIXELS, judge_width),
        Discriminator(FRAME_PIXELS, judge_width),
        weights=weights,
        learning_rate=learning_rate,
        discriminator_learning_rate=discriminator_learning_rate,
        muon_length=muon_length,
        noise_grain=noise_grain,
        drawn=drawn_faces,
        parser=files.parser,
        features=load_features(files.features) if files.features and weights.perceptual else None,
    )


def drawn_faces() -> Tensor:
    """What the first weights are calibrated on: filled [16,3,128,128] in [-1,1], drawn, with holes like the paper's."""
    stream = FaceStream(DrawnFaces(16, FRAME_PIXELS), SQUARE, pixels=FRAME_PIXELS, seed=0, jitter=SECTION_4_1)
    batch = collate([stream[position] for position in range(16)])
    dice = torch.Generator().manual_seed(0)
    noise = 2 * torch.rand(batch.image.shape, generator=dice) - 1
    return complete(noise, 2 * batch.image - 1, batch.hole)


def gfc() -> Recipe:
    """The paper at 128 px: the curriculum of section 3.5, its stage boundaries counted in pictures seen."""
    part = Part(
        name="generator",
        build=build,
        stages=(
            Stage(until_images=4_000_000, pixels=FRAME_PIXELS, batch_size=64, phase=RECONSTRUCTION),
            Stage(until_images=6_000_000, pixels=FRAME_PIXELS, batch_size=64, phase=LOCAL),
            Stage(until_images=10_000_000, pixels=FRAME_PIXELS, batch_size=64),
        ),
        holes=SQUARE,
        wants=NOISE,
        jitter=SECTION_4_1,
        ema_half_life_images=0,
        checkpoint_every_images=64_000,
        sheet_every_images=64_000,
    )
    return Recipe("gfc", (part,))


def ablation(name: str, phases: tuple[str, ...], weights: Weights = PAPER) -> Recipe:
    """The paper's recipe with other phases in its stages; each M adds one term to the one before (Figure 3)."""
    part = gfc().part("generator")
    stages = tuple(replace(stage, phase=phase) for stage, phase in zip(part.stages, phases, strict=True))
    return Recipe(name, (replace(part, stages=stages, build=lambda files: build(files, weights=weights)),))


def gfc_m1() -> Recipe:
    """M1: the reconstruction loss alone."""
    return ablation("gfc_m1", (RECONSTRUCTION, RECONSTRUCTION, RECONSTRUCTION), Weights(parsing=0))


def gfc_m2() -> Recipe:
    """M2: M1 and the local discriminator."""
    return ablation("gfc_m2", (RECONSTRUCTION, LOCAL, LOCAL), Weights(parsing=0))


def gfc_m3() -> Recipe:
    """M3: M2 and the global discriminator."""
    return ablation("gfc_m3", (RECONSTRUCTION, LOCAL, GLOBAL), Weights(parsing=0))


def gfc_m4() -> Recipe:
    """M4: M3 and the parsing loss, which is the paper's recipe. M5 is M4 blended: `training.evaluate --blend`."""
    return ablation("gfc_m4", (RECONSTRUCTION, LOCAL, ALL))


def gfc_demo() -> Recipe:
    """For little time and few faces: half the width, a bottleneck of 256, Muon, more kinds of holes."""
    part = Part(
        name="generator",
        build=lambda files: build(
            files,
            width=16,
            bottleneck=256,
            judge_width=32,
            weights=DEMO_WEIGHTS,
            learning_rate=2e-3,
            discriminator_learning_rate=1e-3,
            muon_length=0.02,
            noise_grain=32,
            norm=True,
        ),
        stages=(
            Stage(until_images=60_000, pixels=FRAME_PIXELS, batch_size=16, phase=RECONSTRUCTION, decay_to=0.2),
            Stage(
                until_images=84_000,
                pixels=FRAME_PIXELS,
                batch_size=16,
                phase=LOCAL,
                learning_rate_factor=0.2,
                decay_to=0.2,
            ),
            Stage(until_images=92_000, pixels=FRAME_PIXELS, batch_size=16, learning_rate_factor=0.04, decay_to=0.2),
        ),
        holes=DEMO_HOLES,
        wants=NOISE,
        jitter=DEMO_JITTER,
        ema_half_life_images=1_000,
    )
    return Recipe("gfc_demo", (part,))


def gfc_tiny() -> Recipe:
    """For tests: a few updates of every phase."""
    part = tiny(
        gfc().part("generator"),
        lambda files: build(files, width=2, bottleneck=16, judge_width=4),
        (
            Stage(until_images=4, pixels=FRAME_PIXELS, batch_size=2, phase=RECONSTRUCTION),
            Stage(until_images=8, pixels=FRAME_PIXELS, batch_size=2, phase=LOCAL),
            Stage(until_images=12, pixels=FRAME_PIXELS, batch_size=2),
        ),
    )
    return Recipe("gfc_tiny", (part,))
