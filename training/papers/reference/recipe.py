"""The recipes: the paper's, its backbone alone, the ablations of section 4.4, the demo and the tiny one."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from training.data.holes import Mixture
from training.data.stream import Wants
from training.data.transforms import Jitter
from training.frozen.features import load_features
from training.judged import HEADS, JUDGED, LEARNING_RATE, NOT_JUDGED, JudgedWeights, feature_judges, judged_stage
from training.muon import Muon, groups, with_transposed
from training.papers.reference.attributes import CELEBA, RATINGS, Attribute, names
from training.papers.reference.backbone import CHANCE, BackboneStep
from training.papers.reference.extractors import Auxiliary, Extractor
from training.papers.reference.losses import FEATURE_LAYERS, Weights
from training.papers.reference.networks import FRAME_PIXELS, SMALLEST_PIXELS, Discriminator, Generator
from training.papers.reference.rows import LABELS, attribute_stream
from training.papers.reference.step import AUXILIARY, Chance, Manner, ReferenceStep
from training.recipe import Files, Part, Recipe, Stage, tiny
from training.step import RECONSTRUCTION

# Section 4.1: Quick Draw's strokes combined with a square of 85 px.
SKETCHES = Mixture(((1.0, "quickdraw"),))
DEMO_HOLES = Mixture(
    ((0.15, "quickdraw"), (0.22, "20-40"), (0.15, "40-60"), (0.18, "eyes"), (0.14, "O6"), (0.16, "center"))
)
DEMO_JITTER = Jitter(rotation_degrees=6, scale=0.08, shift=0.03, colour=0.08)
PAPER, PAPER_MANNER = Weights(), Manner()
# The feature maps of the Keras weights of SqueezeNet are about a hundred times VGG's.
DEMO_WEIGHTS = Weights(structure=1.0, style=0.08, perceptual=0.06, hole=6.0, attributes=0.4, adversarial=0.3, near=5.0)
DEMO_JUDGED = JudgedWeights(eyes=0.05, eyes_style=0.1, judged_eyes=1.0, judged_face=0.4)
DEMO_MANNER = Manner(through_generator=False, whole_fakes=False, redrawn=0.6, anew=0.25, hidden=0.5, reach=0.7)
BETAS = (0.5, 0.9)


def wants(attributes: tuple[Attribute, ...]) -> Wants:
    """What a batch brings: the attributes that are known, and what the step draws with."""
    count = Chance.count(len(attributes))
    return Wants(attributes=names(attributes), partial_attributes=True, chance=count)


def build(
    files: Files,
    *,
    attributes: tuple[Attribute, ...] = CELEBA,
    weights: Weights = PAPER,
    manner: Manner = PAPER_MANNER,
    width: int = 64,
    judge_width: int = 64,
    extractor: tuple[int, int] = (64, 0),
    auxiliary: tuple[int, int] = (64, 0),
    learning_rate: float = 1e-4,
    judge_learning_rate: float | None = None,
    muon_length: float = 0.0,
    painted_pixels: int = 0,
    judged_weights: JudgedWeights = NOT_JUDGED,
    heads: int = 0,
    heads_learning_rate: float = LEARNING_RATE,
) -> ReferenceStep:
    """Adam 1e-4, beta 0.5 and 0.9 for all four, or another rate for the discriminator.

    Of extractor and auxiliary: their width, and the side that they see pictures at, 0 = as they come.
    With `muon_length` the hidden layers of generator and extractors go by Muon instead. With `heads`, the width of
    theirs, there are judges for the phase "judged", if the user names a feature network.
    """
    count, seen = len(attributes), weights.perceptual + weights.style > 0
    generator = Generator(width, count)
    networks = {
        "generator": generator,
        "extractor": Extractor(extractor[0], count, extractor[1]),
        "auxiliary": Auxiliary(auxiliary[0], count, auxiliary[1]),
        "discriminator": Discriminator(judge_width),
    }
    rates = {**dict.fromkeys(networks, learning_rate), "discriminator": judge_learning_rate or learning_rate}
    optimizers = {name: optimizer(network, rates[name], muon_length) for name, network in networks.items()}
    features = load_features(files.features, FEATURE_LAYERS) if files.features and seen else None
    judges, adams = feature_judges(features, heads, heads_learning_rate)
    return ReferenceStep(
        networks | judges,
        optimizers | adams,
        features,
        attributes=attributes,
        weights=weights,
        manner=manner,
        judged_weights=judged_weights,
        painted_pixels=painted_pixels,
    )


def optimizer(network: nn.Module, learning_rate: float, muon_length: float) -> torch.optim.Adam:
    """Adam, or Muon for hidden layers: not for a critic, nor for kernels that see masks and not pictures."""
    if not muon_length or isinstance(network, Discriminator):
        return torch.optim.Adam(network.parameters(), learning_rate, BETAS)
    if not isinstance(network, Generator):
        assert isinstance(network, Extractor | Auxiliary)
        last = network.head if isinstance(network, Extractor) else network.last
        return Muon(groups(network, learning_rate, muon_length, last=last), learning_rate, BETAS)
    masks = [*network.forward_branch.parameters(), *network.reverse_branch.parameters()]
    painting = nn.ModuleList([network.encoder, network.decoder])
    layers = [layer for layer in network.decoder if isinstance(layer, nn.ConvTranspose2d)]
    others, *hidden = with_transposed(groups(painting, learning_rate, muon_length), layers)
    return Muon([{**others, "params": [*others["params"], *masks]}, *hidden], learning_rate, BETAS)


def build_backbone(files: Files, *, width: int = 64) -> BackboneStep:
    """LBAM with the paper's lambdas, without MS-SSIM and attributes."""
    generator, discriminator = Generator(width, 0), Discriminator(width)
    optimizers = {
        name: optimizer(network, 1e-4, 0.0)
        for name, network in (("generator", generator), ("discriminator", discriminator))
    }
    features = load_features(files.features, FEATURE_LAYERS) if files.features else None
    return BackboneStep(generator, discriminator, optimizers, features, weights=replace(PAPER, structure=0.0))


def reference() -> Recipe:
    """The paper at 256 px: first the auxiliary extractor, by labels; then all four networks."""
    part = Part(
        name="generator",
        build=build,
        stages=(
            Stage(until_images=280_000, pixels=FRAME_PIXELS, batch_size=16, phase=LABELS),
            Stage(until_images=3_080_000, pixels=FRAME_PIXELS, batch_size=8),
        ),
        holes=SKETCHES,
        wants=wants(CELEBA),
        stream=attribute_stream,
        checkpoint_every_images=32_000,
        sheet_every_images=32_000,
    )
    return Recipe("reference", (part,))


def reference_lbam() -> Recipe:
    """The backbone alone, the LBAM of Table 1."""
    stages = (Stage(until_images=2_800_000, pixels=FRAME_PIXELS, batch_size=8),)
    part = Part(
        name="generator",
        build=build_backbone,
        stages=stages,
        holes=SKETCHES,
        wants=Wants(chance=CHANCE),
        checkpoint_every_images=32_000,
        sheet_every_images=32_000,
    )
    return Recipe("reference_lbam", (part,))


def ablation(name: str, weights: Weights) -> Recipe:
    """Figure 6: the paper's recipe without one of its losses."""
    part = reference().part("generator")
    return Recipe(name, (replace(part, build=lambda files: build(files, weights=weights)),))


def reference_without_perceptual() -> Recipe:
    return ablation("reference_without_perceptual", replace(PAPER, perceptual=0.0))


def reference_without_style() -> Recipe:
    return ablation("reference_without_style", replace(PAPER, style=0.0))


def reference_without_structure() -> Recipe:
    """Without MS-SSIM."""
    return ablation("reference_without_structure", replace(PAPER, structure=0.0))


def reference_without_attributes() -> Recipe:
    """Without the attribute constraint: the generator's part of Eq. 9."""
    return ablation("reference_without_attributes", replace(PAPER, attributes=0.0))


def reference_demo() -> Recipe:
    """For ten minutes of one large GPU: a quarter of the width, Muon, visible ratings, more kinds of holes."""
    part = Part(
        name="generator",
        build=lambda files: build(
            files,
            attributes=RATINGS,
            weights=DEMO_WEIGHTS,
            manner=DEMO_MANNER,
            width=16,
            judge_width=24,
            extractor=(12, 128),
            auxiliary=(24, 64),
            learning_rate=1e-3,
            judge_learning_rate=2.5e-3,
            muon_length=0.01,
            painted_pixels=SMALLEST_PIXELS,
            judged_weights=DEMO_JUDGED,
            heads=HEADS,
        ),
        stages=(
            Stage(until_images=40_032, pixels=SMALLEST_PIXELS, batch_size=96, phase=LABELS, decay_to=0.05),
            Stage(until_images=122_976, pixels=SMALLEST_PIXELS, batch_size=96, phase=RECONSTRUCTION, decay_to=0.4),
            Stage(until_images=270_528, pixels=SMALLEST_PIXELS, batch_size=96, learning_rate_factor=0.5, decay_to=0.04),
            judged_stage(286_528, SMALLEST_PIXELS),
        ),
        holes=DEMO_HOLES,
        wants=wants(RATINGS),
        stream=attribute_stream,
        jitter=DEMO_JITTER,
        ema_half_life_images=12_000,
        sheet_every_images=30_000,
    )
    return Recipe("reference_demo", (part,))


def reference_judge() -> Recipe:
    """An auxiliary extractor alone, by labels, other than the demo's: what `training.sweep` measures with."""
    part = reference_demo().part("generator")

    def judge(files: Files) -> ReferenceStep:
        return build(
            files, attributes=RATINGS, width=2, judge_width=2, extractor=(2, 64), auxiliary=(16, 80),
            learning_rate=1e-3, muon_length=0.01,
        )  # fmt: skip

    stages = (replace(part.stages[0], until_images=12_000, batch_size=16),)
    judge_part = replace(part, name="judge", build=judge, stages=stages, seed=7, best_by=AUXILIARY)
    return Recipe("reference_judge", (replace(judge_part, ema_half_life_images=1_000, sheet_every_images=4_000),))


def reference_tiny() -> Recipe:
    """For tests: a few updates of every phase on drawn faces, which have some of the ratings."""
    part = replace(reference().part("generator"), wants=wants(RATINGS))
    stages = tuple(
        Stage(until_images=until, pixels=SMALLEST_PIXELS, batch_size=2, phase=phase)
        for until, phase in ((4, LABELS), (8, RECONSTRUCTION), (12, JUDGED), (16, ""))
    )
    made = tiny(part, build_tiny, stages)
    return Recipe("reference_tiny", (made,))


def build_tiny(files: Files) -> ReferenceStep:
    """Every network at its smallest."""
    return build(
        files,
        attributes=RATINGS,
        width=2,
        judge_width=2,
        extractor=(2, 0),
        auxiliary=(2, 0),
        learning_rate=1e-3,
        judged_weights=DEMO_JUDGED,
        heads=4,
    )
