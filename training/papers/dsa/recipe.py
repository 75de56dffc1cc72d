"""The recipes of DSA. `dsa` is the paper's, with its variants and ablations; `dsa_demo` is for the shipped snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import nn

from training.data.holes import Mixture
from training.data.stream import Wants
from training.data.transforms import Jitter
from training.frozen.features import DISTANCE_LAYERS, load_features
from training.judged import HEADS, JUDGED, NOT_JUDGED, JudgedWeights, judged_stage
from training.muon import optimizer
from training.papers.dsa.attention import DualSpatialAttention
from training.papers.dsa.contextual import ContextualAttention
from training.papers.dsa.crops import ORGANS, SEVEN, TWO
from training.papers.dsa.losses import Weights
from training.papers.dsa.networks import LEVELS, WIDTH, Discriminator, Generator, MakeAttention
from training.papers.dsa.step import GeneratorStep
from training.recipe import Files, Part, Recipe, Stage, tiny
from training.step import RECONSTRUCTION

BOXES = Mixture(((1.0, "box"),))  # section 4.1: sides of 94 to 128 px
IRREGULAR = Mixture(((1.0, "irregular"),))  # appendix D
DEMO_HOLES = Mixture(
    ((0.35, "box"), (0.15, "center"), (0.10, "eyes"), (0.10, "half"), (0.05, "O6"), (0.25, "irregular"))
)
DEMO_JUDGED_HOLES = Mixture(
    (
        (0.24, "eyes"), (0.06, "O4"), (0.06, "O5"), (0.16, "face"), (0.08, "20-40"),
        (0.08, "40-60"), (0.06, "O6"), (0.10, "center"), (0.08, "box"), (0.08, "half"),
    )
)  # fmt: skip
CHANCE = Wants(chance=len(SEVEN))  # where each discriminator's penalty looks

# Tables 7 and 9, caption: C of each discriminator.
CAPTION = {"global": 64, "local": 48, "quarters": 32, **dict.fromkeys(ORGANS, 32)}
STRIDES = {256: 3, 1024: 5}
LEARNING_RATE = 1e-4  # section 4.1: RMSprop

# The feature maps of the Keras weights of SqueezeNet are about a hundred times VGG's.
DEMO_WEIGHTS = Weights(perceptual=0.008, adversarial=0.05)
DEMO_JUDGED = JudgedWeights(eyes=0.025, eyes_style=0.05, judged_eyes=0.5, judged_face=0.2)
DEMO_PIXELS = 128  # the largest side that the demo learns on, and is served at
PAPER = Weights()
WITHOUT_SUPERVISION = Weights(supervision=0.0)


def build(
    files: Files,
    *,
    pixels: int = 256,
    width: int = WIDTH,
    attention: MakeAttention = DualSpatialAttention,
    judges: tuple[str, ...] = SEVEN,
    channels: Mapping[str, int] = CAPTION,
    weights: Weights = PAPER,
    central: bool = False,
    judged_weights: JudgedWeights = NOT_JUDGED,
    heads: int = 0,
) -> GeneratorStep:
    """Section 4.1: RMSprop, 1e-4, for all networks; the weights below Eq. 10."""
    generator = Generator(LEVELS[pixels], width, attention)
    critics = {name: Discriminator(channels[name], STRIDES[pixels]) for name in judges}
    networks: dict[str, nn.Module] = {"generator": generator, **critics}
    return GeneratorStep(
        generator,
        critics,
        load_features(files.features, DISTANCE_LAYERS) if files.features else None,
        weights=weights,
        optimizers={name: torch.optim.RMSprop(one.parameters(), LEARNING_RATE) for name, one in networks.items()},
        central=central,
        judged_weights=judged_weights,
        heads=heads,
    )


def build_demo(files: Files, *, weights: Weights = DEMO_WEIGHTS, width: int = 24) -> GeneratorStep:
    """Muon for the generator's hidden layers, Adam for the others; narrower networks."""
    generator = Generator(LEVELS[256], width)
    critics = {name: Discriminator(channels // 4, STRIDES[256]) for name, channels in CAPTION.items()}
    adams = {name: torch.optim.Adam(critic.parameters(), 1e-3, (0.5, 0.9)) for name, critic in critics.items()}
    return GeneratorStep(
        generator,
        critics,
        load_features(files.features) if files.features else None,
        weights=weights,
        optimizers={"generator": optimizer(generator, 1e-3, (0.5, 0.9), 0.02), **adams},
        seen_pixels=DEMO_PIXELS,
        judged_weights=DEMO_JUDGED,
        heads=HEADS,
    )


def dsa() -> Recipe:
    """The paper on CelebA-HQ: 256 px, batch 16, boxes. Its four days are ours to count: 4 million pictures."""
    part = Part(
        name="generator",
        build=build,
        stages=(Stage(until_images=4_000_000, pixels=256, batch_size=16),),
        holes=BOXES,
        wants=CHANCE,
        checkpoint_every_images=16_000,
        sheet_every_images=16_000,
    )
    return Recipe("dsa", (part,))


def dsa_ffhq() -> Recipe:
    """Appendix A, Table 5: the same on FFHQ, for twice as long (section 4.1: eight days instead of four)."""
    part = dsa().part("generator")
    return Recipe("dsa_ffhq", (replace(part, stages=(replace(part.stages[0], until_images=8_000_000),)),))


def dsa_irregular() -> Recipe:
    """Appendix D: irregular holes; the local discriminators see the middle 128 px."""
    part = replace(dsa().part("generator"), build=lambda files: build(files, central=True), holes=IRREGULAR)
    return Recipe("dsa_irregular", (part,))


def dsa_1024() -> Recipe:
    """Appendix E: 1024 px, Tables 8 and 9; all else as at 256."""
    part = dsa().part("generator")
    stages = (replace(part.stages[0], pixels=1024),)
    large = replace(part, name="generator_1024", build=lambda files: build(files, pixels=1024), stages=stages)
    return Recipe("dsa_1024", (large,))


def dsa_without_supervision() -> Recipe:
    """Ablation of Table 4 and Figure 8: nobody asks the oracle."""
    part = replace(dsa().part("generator"), build=lambda files: build(files, weights=WITHOUT_SUPERVISION))
    return Recipe("dsa_without_supervision", (part,))


def dsa_contextual_attention() -> Recipe:
    """Ablation of Table 3 and Figure 6: contextual attention in the same places, which no oracle can supervise."""
    part = replace(
        dsa().part("generator"),
        build=lambda files: build(files, attention=ContextualAttention, weights=WITHOUT_SUPERVISION),
    )
    return Recipe("dsa_contextual_attention", (part,))


def dsa_two_discriminators() -> Recipe:
    """Ablation of Figure 7: the global and the local discriminator alone."""
    part = replace(dsa().part("generator"), build=lambda files: build(files, judges=TWO))
    return Recipe("dsa_two_discriminators", (part,))


def demo_part() -> Part:
    """For a few hours of one CPU core: on small frames, the first half without discriminators, the end with judges."""
    return Part(
        name="generator",
        build=build_demo,
        stages=(
            Stage(until_images=48_000, pixels=64, batch_size=32, phase=RECONSTRUCTION, decay_to=0.5),
            Stage(
                until_images=92_000, pixels=DEMO_PIXELS, batch_size=16, phase=RECONSTRUCTION, learning_rate_factor=0.6
            ),
            Stage(until_images=158_000, pixels=DEMO_PIXELS, batch_size=16, learning_rate_factor=0.4, decay_to=0.1),
            judged_stage(170_000, DEMO_PIXELS, holes=DEMO_JUDGED_HOLES),
        ),
        holes=DEMO_HOLES,
        wants=CHANCE,
        jitter=Jitter(rotation_degrees=8, scale=0.1, shift=0.03, colour=0.1),
        ema_half_life_images=1_500,
    )


def dsa_demo() -> Recipe:
    """The shipped snapshot: three eighths of the paper's width, Muon, several kinds of holes."""
    return Recipe("dsa_demo", (demo_part(),))


def dsa_without_supervision_demo() -> Recipe:
    """Table 4 at the demo's scale: the same training without the oracle."""
    without = replace(DEMO_WEIGHTS, supervision=0.0)
    part = replace(demo_part(), build=lambda files: build_demo(files, weights=without))
    return Recipe("dsa_without_supervision_demo", (part,))


def dsa_tiny() -> Recipe:
    """For tests: a few updates of every phase."""
    few = dict.fromkeys(CAPTION, 4)
    part = tiny(
        dsa().part("generator"),
        lambda files: build(files, width=4, channels=few, judged_weights=DEMO_JUDGED, heads=4),
        (
            Stage(until_images=4, pixels=128, batch_size=2, phase=RECONSTRUCTION),
            Stage(until_images=8, pixels=128, batch_size=2, phase=JUDGED),
            Stage(until_images=12, pixels=128, batch_size=2),
        ),
    )
    return Recipe("dsa_tiny", (part,))
