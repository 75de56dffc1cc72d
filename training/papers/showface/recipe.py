"""The recipes of ShowFace. `showface` is the paper's; the others are its stages, ablations, demo and tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from training.data.holes import Mixture
from training.data.transforms import Jitter
from training.frozen.features import load_features
from training.frozen.parsers import FaceParser
from training.judged import HEADS, JUDGED, JudgedWeights, judged_stage
from training.papers.showface.losses import CoarseWeights, Weights
from training.papers.showface.networks import (
    FRAME_PIXELS,
    FULL,
    SLOTS,
    WITHOUT_BOTH,
    WITHOUT_MINING,
    Coarse,
    Discriminator,
    Reconstruction,
    Refiner,
)
from training.papers.showface.regions import CLASSES
from training.papers.showface.serving import open_coarse, open_inco2
from training.papers.showface.step import WHOLE_L1, CoarseStep, InCo2Step, RefinerStep
from training.recipe import Files, Part, Recipe, RecipeError, Stage, nothing, tiny
from training.step import RECONSTRUCTION

FACES = 28_000  # of CelebA-HQ for training (section 4.1)
IRREGULAR = Mixture(((1.0, "irregular"),))  # section 4.1
NO_HOLES = Mixture(((1.0, "none"),))
BETAS = (0.9, 0.99)  # section 4.1
LEARNING_RATE = 2e-4  # section 4.1

DEMO_HOLES = Mixture(((0.15, "1-20"), (0.30, "20-40"), (0.25, "40-60"), (0.10, "center"), (0.10, "eyes"), (0.10, "O6")))
DEMO_COARSE_HOLES = Mixture(
    (
        (0.10, "1-20"), (0.20, "20-40"), (0.18, "40-60"), (0.24, "face"),
        (0.10, "center"), (0.10, "eyes"), (0.08, "O6"),
    )
)  # fmt: skip
DEMO_JITTER = Jitter(rotation_degrees=8, scale=0.1, shift=0.03, colour=0.1)
DEMO_PIXELS = 128  # the largest side that the demo learns on, and is served at
DEMO_PARSED_PIXELS = 192  # the parser is the dearest part of a step; 95.5 % of its pixels keep their class of 256 px
PAPER = Weights()
MUON_LENGTH = 0.03
REFINER_LENGTH = 0.004  # gated layers have no norm: at 0.03 their weights grow until the gates close
# The feature maps of the Keras weights of SqueezeNet are about a hundred times VGG's.
DEMO_COARSE_WEIGHTS = CoarseWeights(perceptual=0.008, style=0.0)  # with less, its eyes are a blur that no parser finds
DEMO_WEIGHTS = Weights(intra=1.6e-4, inter=2.4e-4, semantic=4e-3, perceptual=1.2e-3, style=2.8e-3, adversarial=0.08)
DEMO_JUDGED = JudgedWeights(eyes=0.05, eyes_style=0.1, judged_eyes=1.0, judged_face=0.4)


def build_coarse(files: Files) -> CoarseStep:
    """Section 4.1: settings as for the refinement; the losses of Liu et al. 2018."""
    return CoarseStep(
        Coarse(),
        load_features(files.features) if files.features else None,
        weights=CoarseWeights(),
        learning_rate=LEARNING_RATE,
        betas=BETAS,
    )


def build_refiner(
    files: Files,
    *,
    weights: Weights = PAPER,
    slots: int = SLOTS,
    disentangled: bool = True,
    kind: str = FULL,
) -> RefinerStep:
    """Section 4.1: Adam, 2e-4, betas 0.9 and 0.99."""
    return RefinerStep(
        Refiner(slots=slots, disentangled=disentangled, kind=kind),
        Discriminator(),
        coarse=needed_coarse(files),
        parser=needed_parser(files),
        inco2=needed_inco2(files) if weights.intra or weights.inter else None,
        features=load_features(files.features) if files.features else None,
        weights=weights,
        learning_rate=LEARNING_RATE,
        discriminator_learning_rate=LEARNING_RATE,
        betas=BETAS,
    )


def needed_coarse(files: Files) -> nn.Module:
    """The frozen coarse network. Raises RecipeError that says which command makes one."""
    return open_coarse(trained(files.coarse, files.run, "coarse"))


def needed_inco2(files: Files) -> nn.Module:
    """The frozen network of the InCo2 loss. Raises RecipeError that says which command makes one."""
    return open_inco2(trained(files.inco2, files.run, "inco2"))


def needed_parser(files: Files) -> FaceParser:
    """The frozen parser. Raises RecipeError where the user named none."""
    if files.parser is None:
        raise RecipeError(
            "part refiner needs a parser of 14 classes: --parser model_repository/parser/snapshot.safetensors, "
            "or that of python -m training.train parser_14 --data FACES --run RUN"
        )
    found = classes_of(files.parser)
    if found != CLASSES:
        raise RecipeError(f"part refiner needs a parser of {CLASSES} classes; the parser has {found} classes")
    return files.parser


@torch.no_grad()
def classes_of(parser: FaceParser) -> int:
    """How many classes a parser tells apart, by what it says of a black picture."""
    pixels = parser.pixels or FRAME_PIXELS
    return int(parser(torch.zeros(1, 3, pixels, pixels)).shape[1])


def trained(named: Path | None, run: Path | None, part: str) -> Path:
    """The snapshot of an earlier part: the one that is named, or this run's. Raises RecipeError if there is none."""
    own = None if run is None else run / part / f"{part}.safetensors"
    path = named or own
    if path is None or (named is None and not path.is_file()):
        raise RecipeError(
            f"part refiner needs a trained part {part}, which python -m training.train showface_{part} --data FACES "
            f"--run RUN makes; then name it: --{part} RUN/{part}/{part}.safetensors"
        )
    return path


def coarse_part() -> Part:
    """Section 4.1: 100 epochs with 8 faces at 256 px."""
    stages = (Stage(until_images=100 * FACES, pixels=256, batch_size=8),)
    return Part(name="coarse", build=build_coarse, stages=stages, holes=IRREGULAR)


def inco2_part() -> Part:
    """Section 4.1: 30 epochs with 8 faces at 256 px."""
    return Part(
        name="inco2",
        build=lambda files: InCo2Step(Reconstruction(), learning_rate=LEARNING_RATE, betas=BETAS),
        stages=(Stage(until_images=30 * FACES, pixels=256, batch_size=8),),
        holes=NO_HOLES,
        best_by=WHOLE_L1,
    )


def refiner_part(build: Callable[[Files], RefinerStep] = build_refiner) -> Part:
    """Section 4.1: 45 epochs with 8 faces at 256 px."""
    stages = (Stage(until_images=45 * FACES, pixels=256, batch_size=8),)
    return Part(name="refiner", build=build, stages=stages, holes=IRREGULAR, needs=needed_parser)


def showface() -> Recipe:
    """The paper: coarse network, InCo2 network, then the refinement, which needs both and a parser."""
    return Recipe("showface", (coarse_part(), inco2_part(), refiner_part()))


def showface_coarse() -> Recipe:
    """The first stage alone."""
    return Recipe("showface_coarse", (coarse_part(),))


def showface_inco2() -> Recipe:
    """The network of the InCo2 loss alone."""
    return Recipe("showface_inco2", (inco2_part(),))


def ablation(
    name: str, *, weights: Weights = PAPER, slots: int = SLOTS, disentangled: bool = True, kind: str = FULL
) -> Recipe:
    """The refinement with something changed; coarse and InCo2 network are the paper's (--coarse, --inco2)."""
    part = refiner_part(
        lambda files: build_refiner(files, weights=weights, slots=slots, disentangled=disentangled, kind=kind)
    )
    return Recipe(name, (part,))


def showface_without_both() -> Recipe:
    """Table 2: neither memory nor MREM; the style features guide the refinement."""
    return ablation("showface_without_both", kind=WITHOUT_BOTH)


def showface_without_mrem() -> Recipe:
    """Table 2: fusion stays, nothing is mined."""
    return ablation("showface_without_mrem", kind=WITHOUT_MINING)


def showface_without_semantic() -> Recipe:
    """Table 3."""
    return ablation("showface_without_semantic", weights=Weights(semantic=0))


def showface_without_intra() -> Recipe:
    """Table 3."""
    return ablation("showface_without_intra", weights=Weights(intra=0))


def showface_without_inter() -> Recipe:
    """Table 3."""
    return ablation("showface_without_inter", weights=Weights(inter=0))


def showface_32_slots() -> Recipe:
    """Table 4."""
    return ablation("showface_32_slots", slots=32)


def showface_64_slots() -> Recipe:
    """Table 4."""
    return ablation("showface_64_slots", slots=64)


def showface_256_slots() -> Recipe:
    """Table 4."""
    return ablation("showface_256_slots", slots=256)


def showface_512_slots() -> Recipe:
    """Table 4."""
    return ablation("showface_512_slots", slots=512)


def showface_not_disentangled() -> Recipe:
    """Table 4: one block of 1,792 slots for all classes."""
    return ablation("showface_not_disentangled", slots=CLASSES * SLOTS, disentangled=False)


def build_demo_coarse(files: Files) -> CoarseStep:
    """Three eighths of the width, one level less; Muon for the hidden layers."""
    return CoarseStep(
        Coarse(24, 6),
        load_features(files.features) if files.features else None,
        weights=DEMO_COARSE_WEIGHTS,
        learning_rate=1e-3,
        betas=BETAS,
        muon_length=MUON_LENGTH,
        seen_pixels=DEMO_PIXELS,
    )


def build_demo_refiner(files: Files) -> RefinerStep:
    """A quarter of the width, one block less; Muon for the hidden layers."""
    return RefinerStep(
        Refiner(16, 48, 16, 3),
        Discriminator(32),
        coarse=needed_coarse(files),
        parser=needed_parser(files),
        inco2=needed_inco2(files),
        features=load_features(files.features) if files.features else None,
        weights=DEMO_WEIGHTS,
        learning_rate=5e-4,
        discriminator_learning_rate=4e-4,
        betas=(0.5, 0.99),
        muon_length=REFINER_LENGTH,
        seen_pixels=DEMO_PIXELS,
        parsed_pixels=DEMO_PARSED_PIXELS,
        judged_weights=DEMO_JUDGED,
        heads=HEADS,
    )


def showface_demo() -> Recipe:
    """For a few hours of a CPU core: narrow networks on small frames."""
    coarse = Part(
        name="coarse",
        build=build_demo_coarse,
        stages=(
            Stage(until_images=36_000, pixels=64, batch_size=32, phase=RECONSTRUCTION, decay_to=0.5),
            Stage(
                until_images=48_000, pixels=DEMO_PIXELS, batch_size=16, phase=RECONSTRUCTION, learning_rate_factor=0.7
            ),
            Stage(until_images=55_000, pixels=DEMO_PIXELS, batch_size=16, learning_rate_factor=0.4, decay_to=0.1),
            Stage(until_images=75_000, pixels=DEMO_PIXELS, batch_size=16, learning_rate_factor=0.6, decay_to=0.1),
            Stage(
                until_images=96_000,
                pixels=DEMO_PIXELS,
                batch_size=16,
                holes=DEMO_COARSE_HOLES,
                learning_rate_factor=0.6,
                decay_to=0.05,
            ),
        ),
        holes=DEMO_HOLES,
        jitter=DEMO_JITTER,
        ema_half_life_images=1_000,
    )
    inco2 = Part(
        name="inco2",
        build=lambda files: InCo2Step(Reconstruction(12), learning_rate=1e-3, betas=BETAS),
        stages=(Stage(until_images=4_000, pixels=128, batch_size=16, decay_to=0.05),),
        holes=NO_HOLES,
        ema_half_life_images=400,
        best_by=WHOLE_L1,
    )
    refiner = Part(
        name="refiner",
        build=build_demo_refiner,
        stages=(
            Stage(until_images=3_000, pixels=DEMO_PIXELS, batch_size=8, phase=RECONSTRUCTION),
            Stage(until_images=43_000, pixels=DEMO_PIXELS, batch_size=8, decay_to=0.1),
            judged_stage(67_000, DEMO_PIXELS, decay_to=0.05),
        ),
        holes=DEMO_HOLES,
        needs=needed_parser,
        jitter=DEMO_JITTER,
        ema_half_life_images=500,
    )
    return Recipe("showface_demo", (coarse, inco2, refiner))


class AnyParser(FaceParser):
    """For tests: classes by colour, from weights that nobody trained."""

    def __init__(self) -> None:
        super().__init__()
        self.classify = nn.Conv2d(3, CLASSES, 1)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.classify(image)
        return logits


def build_tiny_refiner(files: Files) -> RefinerStep:
    """A frozen network that the user does not bring along is one that nobody trained, always the same."""
    refiner, discriminator = Refiner(2, 4, 4, 1, slots=4), Discriminator(2)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        coarse, inco2, parser = Coarse(4, 4), Reconstruction(2), AnyParser()
    return RefinerStep(
        refiner,
        discriminator,
        coarse=needed_coarse(files) if files.coarse else coarse,
        parser=parser,
        inco2=needed_inco2(files) if files.inco2 else inco2,
        features=load_features(files.features) if files.features else None,
        weights=Weights(),
        learning_rate=LEARNING_RATE,
        discriminator_learning_rate=LEARNING_RATE,
        betas=BETAS,
        judged_weights=DEMO_JUDGED,
        heads=4,
    )


def showface_tiny() -> Recipe:
    """For tests: a few updates of every part."""
    coarse = tiny(
        coarse_part(),
        lambda files: CoarseStep(
            Coarse(4, 4),
            load_features(files.features) if files.features else None,
            weights=CoarseWeights(),
            learning_rate=LEARNING_RATE,
            betas=BETAS,
        ),
        (Stage(until_images=12, pixels=64, batch_size=2),),
    )
    inco2 = tiny(
        inco2_part(),
        lambda files: InCo2Step(Reconstruction(2), learning_rate=LEARNING_RATE, betas=BETAS),
        (Stage(until_images=12, pixels=64, batch_size=2),),
    )
    refiner = tiny(
        replace(refiner_part(), needs=nothing),
        build_tiny_refiner,
        (
            Stage(until_images=4, pixels=64, batch_size=2, phase=RECONSTRUCTION),
            Stage(until_images=8, pixels=64, batch_size=2, phase=JUDGED),
            Stage(until_images=12, pixels=64, batch_size=2),
        ),
    )
    return Recipe("showface_tiny", (coarse, inco2, refiner))
