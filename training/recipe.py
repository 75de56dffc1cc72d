"""What a training is: a recipe is a function that returns one of these, complete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch.utils.data import Dataset

from training.data.drawings import Drawings
from training.data.faces import Faces
from training.data.holes import Mixture
from training.data.stream import FaceStream, Item, Wants
from training.data.transforms import Jitter
from training.errors import TrainingError
from training.frozen.parsers import FaceParser
from training.step import ALL, HOLE_L1, Step


class RecipeError(TrainingError):
    """A recipe that cannot run as asked; the message says what to change."""


@dataclass(frozen=True)
class Files:
    """What the user brings along; a loss whose network is None is left out, and the run says so."""

    features: Path | None = None  # VGG-16, VGG-19 or SqueezeNet 1.1
    parser: FaceParser | None = None  # frozen
    coarse: Path | None = None  # snapshot of a coarse network
    inco2: Path | None = None  # snapshot of the network whose encoder the InCo2 loss looks through
    run: Path | None = None  # the run folder: a part takes what an earlier one has trained, unless it is named above
    generator: Path | None = None  # snapshot of a generator that makes new pictures of the faces in training
    finder: Path | None = None  # snapshot of the finder whose maps a second look begins with


@dataclass(frozen=True)
class Stage:
    """A stretch of a training at one size."""

    until_images: int  # the stage ends when this many images have been seen, counted from the part's start
    pixels: int  # side of the square face frame
    batch_size: int  # images of one update: all micro-batches of all processes together
    window_pixels: int | None = None  # train on windows of this side, cut from the frame at the hole; None = all of it
    holes: Mixture | None = None  # instead of the part's; None = the part's
    phase: str = ALL  # a name the step knows, for stages with other losses; ALL = all losses
    learning_rate_factor: float = 1.0  # times the optimisers' own rates
    decay_to: float = 1.0  # the factor falls to this share of itself over the stage, by a half cosine; 1 = constant


def face_stream(faces: Faces, part: Part, stage: Stage) -> Dataset[Item]:
    """The row of a stage: single faces with holes."""
    return FaceStream(
        faces,
        stage.holes or part.holes,
        pixels=stage.pixels,
        seed=part.seed,
        jitter=part.jitter,
        window_pixels=stage.window_pixels,
        wants=part.wants,
    )


def nothing(files: Files) -> None:
    """No file of the user's is needed."""


@dataclass(frozen=True)
class Part:
    """The training of one network (or of one with its discriminators)."""

    name: str  # its folder in the run folder
    build: Callable[[Files], Step]  # networks with their first weights, from the seed set before
    stages: tuple[Stage, ...]  # one after another
    holes: Mixture  # which holes with which probability
    wants: Wants = field(default_factory=Wants)  # what batches bring besides image, hole and landmarks
    needs: Callable[[Files], object] = nothing  # RecipeError if the user must bring more; asked before any part trains
    stream: Callable[[Faces, Part, Stage], Dataset[Item]] = face_stream  # the row of items of a stage
    jitter: Jitter = field(default_factory=Jitter)  # how far faces are moved; default: not at all
    seed: int = 0  # weights, order of faces, holes
    ema_half_life_images: int = 10_000  # images after which a weight counts half in the average; 0 = no averaging
    report_every_images: int = 400  # a line in metrics.jsonl
    checkpoint_every_images: int = 4_000  # checkpoint.pt and snapshots
    sheet_every_images: int = 4_000  # a PNG in sheets/
    sheet_faces: int = 8  # rows of the sheet
    validate_every_images: int = 4_000  # figures and a sheet of the split `validation`; 0 = never
    validation_faces: int = 54  # the first so many of them, under the same holes each time
    best_by: str = HOLE_L1  # the figure of validation whose lowest value keeps the networks in best/

    def with_sketches(self, sketches: Drawings) -> Part:
        """The same part with people's drawings for its holes of those kinds."""
        stages = tuple(replace(s, holes=replace(s.holes, sketches=sketches) if s.holes else None) for s in self.stages)
        return replace(self, holes=replace(self.holes, sketches=sketches), stages=stages)


def tiny(part: Part, build: Callable[[Files], Step], stages: tuple[Stage, ...]) -> Part:
    """For tests: the part with other networks and a few updates, which it averages, reports, saves and draws often."""
    often = replace(part, ema_half_life_images=4, report_every_images=2, checkpoint_every_images=4)
    often = replace(often, validate_every_images=8, validation_faces=2)
    return replace(often, build=build, stages=stages, sheet_every_images=12, sheet_faces=2)


def stage_at(part: Part, images_seen: int) -> Stage:
    """The stage that image number `images_seen` belongs to."""
    return next(stage for stage in part.stages if images_seen < stage.until_images)


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
