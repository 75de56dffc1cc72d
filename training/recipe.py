"""What a training is: a recipe is a function that returns one of these, complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from training.data.holes import Mixture
from training.data.stream import Batch
from training.data.transforms import Jitter
from training.errors import TrainingError


class RecipeError(TrainingError):
    """A recipe that cannot run as asked; the message says what to change."""


class Step(Protocol):
    """One part's networks, optimisers and the order of their updates."""

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    shipped: tuple[str, ...]  # networks that are averaged, looked at and shipped
    backward: Callable[[Tensor], None]  # set by the loop
    phase: str  # set by the loop: the present stage's

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Do every update for one batch; figures to report, each a scalar."""
        ...

    def sheet(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        """Columns of pictures to look at, [B,columns,3,H,W] in [0,1], made with the averaged networks."""
        ...

    def freeze(self, networks: dict[str, nn.Module]) -> dict[str, dict[str, Tensor]]:
        """The tensors of each snapshot, from the averaged networks: what a fresh inference network loads."""
        ...


@dataclass(frozen=True)
class Files:
    """What the user brings along; a loss whose network is None is left out, and the run says so."""

    features: Path | None = None  # VGG-16, VGG-19 or SqueezeNet 1.1
    parser: nn.Module | None = None  # frozen: RGB [B,3,H,W] in [0,1] -> logits [B,classes,H,W]


@dataclass(frozen=True)
class Stage:
    """A stretch of a training at one size."""

    until_images: int  # the stage ends when this many images have been seen, counted from the part's start
    pixels: int  # side of the square face frame
    batch_size: int  # images of one update, over all processes together
    window_pixels: int | None = None  # train on windows of this side, cut from the frame at the hole; None = all of it
    holes: Mixture | None = None  # instead of the part's; None = the part's
    phase: str = ""  # a name the step knows, for stages with other losses; "" = all losses
    learning_rate_factor: float = 1.0  # times the optimisers' own rates
    decay_to: float = 1.0  # the factor falls to this share of itself over the stage, by a half cosine; 1 = constant


@dataclass(frozen=True)
class Part:
    """The training of one network (or of one with its discriminators)."""

    name: str  # its folder in the run folder
    build: Callable[[Files], Step]  # networks with their first weights, from the seed set before
    stages: tuple[Stage, ...]  # one after another
    holes: Mixture  # which holes with which probability
    parsing_classes: int | None = None  # batches bring parsing maps, merged to so many classes; None = no maps
    jitter: Jitter = field(default_factory=Jitter)  # how far faces are moved; default: not at all
    seed: int = 0  # weights, order of faces, holes
    precision: str = "32-true"  # Lightning Fabric's name of the arithmetic
    ema_half_life_images: int = 10_000  # images after which a weight counts half in the average; 0 = no averaging
    report_every_images: int = 400  # a line in metrics.jsonl
    checkpoint_every_images: int = 4_000  # checkpoint.pt and snapshots
    sheet_every_images: int = 4_000  # a PNG in sheets/
    sheet_faces: int = 8  # rows of the sheet


@dataclass(frozen=True)
class Recipe:
    """A named set of parts, trained one after another, each on its own (LaFIn, section 2.3)."""

    name: str
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        for part in self.parts:
            if part.name == name:
                return part
        raise RecipeError(f"recipe {self.name} has no part {name!r}; it has {', '.join(p.name for p in self.parts)}")
