"""The recipes of the face parser. `parser` is the published training; `parser_demo` made the shipped snapshot."""

from __future__ import annotations

from dataclasses import replace

import torch

from training import muon
from training.data.holes import Mixture
from training.data.parsing import CLASS_SETS
from training.data.stream import Wants
from training.data.transforms import Jitter
from training.papers.parser.networks import PUBLISHED_WIDTH, Parser
from training.papers.parser.serving import FRAME_PIXELS
from training.papers.parser.step import WRONG, ParserStep
from training.recipe import Part, Recipe, Stage, tiny

MUON_LENGTH = 0.02
ENLARGED_PIXELS = 320  # the demo learns last at this side: thin parts are told better by maps at an eighth of it
NO_HOLES = Mixture(((1.0, "none"),))

# Between hair and background the demo's labels are often wrong, and hard pixels are mostly these: they count less.
DEMO_CLASS_WEIGHTS = {"background": 0.3, "hair": 0.3}


def build_parser(classes: int) -> ParserStep:
    """The published training: SGD with momentum 0.9, weight decay 5e-4, learning rate 1e-2."""
    parser = Parser(classes, PUBLISHED_WIDTH)
    optimizer = torch.optim.SGD(parser.parameters(), lr=1e-2, momentum=0.9, weight_decay=5e-4)
    return ParserStep(parser, optimizer, classes=classes)


def build_demo(classes: int, width: int) -> ParserStep:
    """Adam, which needs no ImageNet weights to begin with, and weights of classes for weak labels."""
    parser = Parser(classes, width)
    optimizer = torch.optim.AdamW(parser.parameters(), lr=2e-3, weight_decay=1e-3)
    weights = tuple(DEMO_CLASS_WEIGHTS.get(name, 1.0) for name in CLASS_SETS[classes])
    return ParserStep(parser, optimizer, classes=classes, class_weights=weights)


def build_demo_14(width: int) -> ParserStep:
    """Labels drawn by people: all classes count alike, and Muon moves the hidden layers."""
    parser = Parser(14, width)
    optimizer = muon.optimizer(parser, 2e-3, (0.9, 0.999), MUON_LENGTH)
    return ParserStep(parser, optimizer, classes=14, enlarge=ENLARGED_PIXELS / FRAME_PIXELS)


def published(name: str, classes: int) -> Recipe:
    """512 px, 80,000 updates with 16 faces; the rate falls to nothing."""
    part = Part(
        name="parser",
        build=lambda files: build_parser(classes),
        stages=(Stage(until_images=1_280_000, pixels=512, window_pixels=448, batch_size=16, decay_to=0.0),),
        holes=NO_HOLES,
        wants=Wants(parsing_classes=classes),
        best_by=WRONG,
        jitter=Jitter(scale=0.5, colour=0.5),
    )
    return Recipe(name, (part,))


def parser() -> Recipe:
    """CelebAMask-HQ's nineteen classes."""
    return published("parser", 19)


def parser_14() -> Recipe:
    """ShowFace's fourteen."""
    return published("parser_14", 14)


def parser_11() -> Recipe:
    """Helen's eleven, as Generative Face Completion uses them."""
    return published("parser_11", 11)


def parser_demo() -> Recipe:
    """For little time and few faces with weak labels: half the width, 128 px, then 256; bfloat16, averaged weights."""
    part = Part(
        name="parser",
        build=lambda files: build_demo(11, PUBLISHED_WIDTH // 2),
        stages=(
            Stage(until_images=5_000, pixels=128, batch_size=16),
            Stage(until_images=9_000, pixels=256, batch_size=8, learning_rate_factor=0.5, decay_to=0.02),
        ),
        holes=NO_HOLES,
        wants=Wants(parsing_classes=11),
        best_by=WRONG,
        jitter=Jitter(rotation_degrees=12, scale=0.6, shift=0.06, colour=0.25, blur=0.15),
        ema_half_life_images=500,
        checkpoint_every_images=500,
        sheet_every_images=2_000,
    )
    return Recipe("parser_demo", (part,))


def parser_14_demo() -> Recipe:
    """ShowFace's classes, for few faces with labels drawn by people: 128 px, 256, then 320; two hours of a core."""
    part = replace(
        parser_demo().part("parser"),
        build=lambda files: build_demo_14(PUBLISHED_WIDTH // 2),
        stages=(
            Stage(until_images=4_000, pixels=128, batch_size=16),
            Stage(until_images=7_000, pixels=256, batch_size=8, learning_rate_factor=0.5, decay_to=0.02),
            Stage(until_images=13_000, pixels=256, batch_size=8, learning_rate_factor=0.4, decay_to=0.02),
            Stage(until_images=28_000, pixels=256, batch_size=8, learning_rate_factor=0.6, decay_to=0.02),
            Stage(until_images=36_000, pixels=ENLARGED_PIXELS, batch_size=8, learning_rate_factor=0.3, decay_to=0.02),
        ),
        wants=Wants(parsing_classes=14),
    )
    return Recipe("parser_14_demo", (part,))


def parser_tiny() -> Recipe:
    """For tests: a few updates of a narrow network on small frames."""
    # Of 4 channels, the backward of a short cut breaks the heap of torch 2.13 where the processor has AVX2 alone.
    part = tiny(
        replace(parser_demo().part("parser"), jitter=Jitter(rotation_degrees=5, scale=0.1)),
        lambda files: build_demo(11, 8),
        (Stage(until_images=8, pixels=64, batch_size=2), Stage(until_images=12, pixels=96, batch_size=2)),
    )
    return Recipe("parser_tiny", (part,))
