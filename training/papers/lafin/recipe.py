"""The recipes of LaFIn. `lafin` is the paper's; `lafin_demo` made the shipped snapshots; `lafin_tiny` is for tests."""

from __future__ import annotations

from dataclasses import replace

from training.checkpoint import CheckpointError, load_snapshot
from training.data.holes import Mixture
from training.data.landmarks import COUNT, WFLW_COUNT
from training.data.stream import Wants
from training.data.transforms import Jitter
from training.frozen.features import load_features
from training.papers.lafin.losses import Weights
from training.papers.lafin.networks import Discriminator, Generator, Predictor
from training.papers.lafin.serving import load_generator
from training.papers.lafin.step import NME, GeneratorStep, PredictorStep
from training.recipe import Files, Part, Recipe, Stage, tiny
from training.step import RECONSTRUCTION

# Public code: holes of the two trainings.
PREDICTOR_HOLES = Mixture(((0.50, "none"), (0.25, "block"), (0.25, "irregular")))
GENERATOR_HOLES = Mixture(((0.50, "block"), (0.50, "irregular")))
DEMO_HOLES = Mixture(((0.20, "block"), (0.45, "irregular"), (0.12, "center"), (0.13, "eyes"), (0.10, "O6")))
DEMO_PREDICTOR_HOLES = Mixture(
    ((0.15, "none"), (0.15, "block"), (0.45, "irregular"), (0.10, "center"), (0.05, "eyes"), (0.10, "O6"))
)

# Section 4: under which hole the generator makes a new picture, and of which faces.
AUGMENTATION = Wants(other_holes=GENERATOR_HOLES, chance=1)

# The feature maps of the Keras weights of SqueezeNet are about a hundred times VGG's.
DEMO_WEIGHTS = Weights(perceptual=0.004, style=0.02, variation=0.05, adversarial=0.25)


def build_predictor(files: Files, *, landmarks: int = COUNT, width: float = 1.0) -> PredictorStep:
    """Section 2.3: Adam, beta 0 and 0.9, learning rate 1e-4; Eq. 1 squared."""
    return PredictorStep(
        Predictor(landmarks, width),
        learning_rate=1e-4,
        betas=(0.0, 0.9),
        weight_decay=0.0,
        squared=True,
        generator=open_generator(files),
    )


def open_generator(files: Files) -> Generator | None:
    """The frozen generator of section 4, if the user named one. Raises CheckpointError."""
    if files.generator is None:
        return None
    state, _ = load_snapshot(files.generator)
    try:
        return load_generator(state).generator
    except RuntimeError as error:
        raise CheckpointError(f"{files.generator} holds no generator of LaFIn: {error}") from error


def build_generator(files: Files, *, width: int = 64, attention: bool = True, landmarks: bool = True) -> GeneratorStep:
    """Section 2.3: Adam, beta 0 and 0.9, learning rates 1e-4 and 1e-5; the weights below Eq. 7."""
    return GeneratorStep(
        Generator(width, attention=attention),
        Discriminator(width),
        load_features(files.features) if files.features else None,
        weights=Weights(),
        learning_rate=1e-4,
        discriminator_learning_rate=1e-5,
        betas=(0.0, 0.9),
        landmarks=landmarks,
    )


def build_demo_generator(files: Files, *, width: int = 40, judge_width: int = 64) -> GeneratorStep:
    """Muon for the hidden layers, Adam for the others, at higher rates."""
    return GeneratorStep(
        Generator(width),
        Discriminator(judge_width),
        load_features(files.features) if files.features else None,
        weights=DEMO_WEIGHTS,
        learning_rate=1e-3,
        discriminator_learning_rate=2e-4,
        betas=(0.5, 0.9),
        muon_length=0.02,
    )


def lafin() -> Recipe:
    """The paper: 256 px, batch 16 for the predictor, 4 for the generator."""
    predictor = Part(
        name="predictor",
        build=build_predictor,
        stages=(Stage(until_images=5_000_000, pixels=256, batch_size=16),),
        holes=PREDICTOR_HOLES,
        best_by=NME,
    )
    generator = Part(
        name="generator",
        build=build_generator,
        stages=(Stage(until_images=4_000_000, pixels=256, batch_size=4),),
        holes=GENERATOR_HOLES,
    )
    return Recipe("lafin", (predictor, generator))


def lafin_without_attention() -> Recipe:
    """Ablation of Table 3: long-short attention disabled."""
    generator = replace(lafin().part("generator"), build=lambda files: build_generator(files, attention=False))
    return Recipe("lafin_without_attention", (generator,))


def lafin_without_landmarks() -> Recipe:
    """Ablation of Table 3: no landmark guidance."""
    generator = replace(lafin().part("generator"), build=lambda files: build_generator(files, landmarks=False))
    return Recipe("lafin_without_landmarks", (generator,))


def lafin_augmented() -> Recipe:
    """Section 4 and appendix B: the predictor with one augmented pair for each pair; batch 4."""
    predictor = lafin().part("predictor")
    stages = tuple(replace(stage, batch_size=4) for stage in predictor.stages)
    return Recipe("lafin_augmented", (replace(predictor, stages=stages, wants=AUGMENTATION),))


def of_98_points(part: Part) -> Part:
    """The paper's predictor for WFLW's landmarks; nothing else is another."""
    return replace(
        part,
        build=lambda files: build_predictor(files, landmarks=WFLW_COUNT),
        wants=replace(part.wants, landmarks=WFLW_COUNT),
    )


def lafin_98() -> Recipe:
    """Table 4: the predictor on WFLW, without augmentation."""
    return Recipe("lafin_98", (of_98_points(lafin().part("predictor")),))


def lafin_augmented_98() -> Recipe:
    """Table 4: the predictor on WFLW, with augmentation."""
    return Recipe("lafin_augmented_98", (of_98_points(lafin_augmented().part("predictor")),))


def lafin_demo() -> Recipe:
    """For a quarter of an hour of one large GPU, and a CPU's last touch: Muon, a narrower generator, moved faces."""
    predictor = Part(
        name="predictor",
        build=lambda files: PredictorStep(
            Predictor(),
            learning_rate=1e-3,
            betas=(0.9, 0.999),
            weight_decay=0.0,
            squared=False,
            muon_length=0.02,
            generator=open_generator(files),
        ),
        stages=(Stage(until_images=198_336, pixels=256, batch_size=96, decay_to=0.005),),
        holes=DEMO_PREDICTOR_HOLES,
        best_by=NME,
        jitter=Jitter(rotation_degrees=20, scale=0.25, shift=0.1, colour=0.25, blur=0.2),
        ema_half_life_images=4_000,
        sheet_every_images=60_000,
    )
    generator = Part(
        name="generator",
        build=build_demo_generator,
        stages=(
            Stage(until_images=136_960, pixels=128, batch_size=64, phase=RECONSTRUCTION, decay_to=0.4),
            Stage(until_images=174_160, pixels=256, batch_size=24, learning_rate_factor=0.35, decay_to=0.1),
            Stage(until_images=182_248, pixels=256, batch_size=24, learning_rate_factor=0.035, decay_to=0.1),
            Stage(until_images=215_176, pixels=256, batch_size=24, learning_rate_factor=0.25, decay_to=0.02),
            Stage(until_images=254_776, pixels=256, batch_size=24, learning_rate_factor=0.3, decay_to=0.03),
        ),
        holes=DEMO_HOLES,
        jitter=Jitter(rotation_degrees=8, scale=0.1, shift=0.03, colour=0.1),
        ema_half_life_images=1_500,
        sheet_every_images=15_000,
    )
    return Recipe("lafin_demo", (predictor, generator))


def lafin_augmented_demo() -> Recipe:
    """Section 4 at a small scale: goes on with the demo's predictor (--start), with and without --augmented."""
    predictor = lafin_demo().part("predictor")
    seen = predictor.stages[-1].until_images
    more = Stage(
        until_images=seen + 4_800,
        pixels=256,
        batch_size=24,  # the paper's 4 leave batch norms of so short a training too restless
        learning_rate_factor=0.02,
        decay_to=0.02,
    )
    augmented = replace(predictor, stages=(*predictor.stages, more), wants=AUGMENTATION)
    return Recipe("lafin_augmented_demo", (augmented,))


def lafin_tiny() -> Recipe:
    """For tests: a few updates on small frames, both parts."""
    whole = lafin()
    predictor = tiny(
        whole.part("predictor"),
        lambda files: build_predictor(files, width=0.25),
        (Stage(until_images=12, pixels=256, batch_size=2),),
    )
    generator = tiny(
        whole.part("generator"),
        lambda files: build_generator(files, width=8),
        (Stage(until_images=8, pixels=64, batch_size=2), Stage(until_images=12, pixels=128, batch_size=2)),
    )
    return Recipe("lafin_tiny", (predictor, generator))
