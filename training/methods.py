"""The methods that one table compares: systems of a repository, those of run folders, and what needs no learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from training import options
from training.baselines import BASELINES
from training.blending import BLENDS, completed
from training.budget import images_seen, minutes, minutes_on_card
from training.checkpoint import CheckpointError
from training.errors import OptionError
from training.given import Answer, Given, System
from training.papers import SYSTEMS, TABLES, room_of
from training.printed import Variant
from training.runs import RECORD, RunError, read_json, read_record
from training.systems import Repository, about, frame_pixels, open_system, opened
from training.taking import models_of_run, snapshot_in

SUFFIXES = ("_demo", "_tiny", "_ffhq")  # of recipes that are another one, made smaller or for other faces
Record = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """One column of a table."""

    name: str
    system: System
    frame_pixels: int | None = None  # of the frame it sees; None = any
    variant: Variant | None = None  # what a paper's row would call for; None = it learns nothing
    about: Record = field(default_factory=dict)  # for JSON: weights by hash, images seen, minutes


def of_repository(name: str, models: Repository) -> Method:
    """A system by name. Raises OpeningError, CheckpointError."""
    system = open_system(name, models)
    named = opened(name)
    seen = {} if models.exported else {model: images_seen(models.file(model)) for model in named}
    own = [model for model in named if model not in models.snapshots]  # a card tells of the weights beside it
    spent = {model: minutes_on_card(models.folder / model / "card.md") for model in own}
    budget = {"images_seen": seen, "minutes": spent}
    return Method(name, system, frame_pixels(name), Variant(name), {**about(name, models), **budget})


def all_of_repository(models: Repository) -> tuple[list[Method], list[str]]:
    """Every paper's system that has its snapshots; and lines about those that have none."""
    methods, lacking = [], []
    for tables in TABLES.values():
        try:
            methods.append(of_repository(tables.system, models))
        except CheckpointError as error:
            lacking.append(f"{tables.system} is left out: {error}")
    return methods, lacking


def of_runs(folder: Path, models: Repository) -> tuple[list[Method], list[str]]:
    """Of a run folder, or of all those in a folder: the system of its room, with the run's snapshots in their places.

    What a run has not trained (LaFIn's predictor, ShowFace's parser) comes from the repository. Second come lines about
    runs that lack a snapshot yet. Raises OptionError where there is no run that could be meant.
    """
    runs = [folder] if (folder / RECORD).is_file() else sorted(path.parent for path in folder.glob(f"*/{RECORD}"))
    methods: list[Method] = []
    lacking: list[str] = []
    for run in runs:
        try:
            methods += filter(None, [of_run(run, models)])
        except (CheckpointError, RunError) as error:
            lacking.append(f"the run {run.name} is left out: {error}")
    if not methods and not lacking:
        raise OptionError(f"--runs {folder}: there is no run of a system that completes pictures")
    return methods, lacking


def of_run(run: Path, models: Repository) -> Method | None:
    """None for a run of a network that completes nothing, a parser or a finder."""
    recipe = (read_json(run / RECORD) or {}).get("recipe", "")
    system = room_of(recipe)
    if system not in SYSTEMS or system not in TABLES:
        return None
    found = models_of_run(run, models.folder, None)
    own = {model: snapshot_in(run, model) for model in found if model in opened(system)}
    if not own:  # figures of the repository's weights under the run's name
        raise RunError(f"{system} calls none of what it trained: {', '.join(found)}")
    method = of_repository(system, replace(models, snapshots={**models.snapshots, **own}))
    parts = sorted({path.parent for path in own.values()})
    spent = {**method.about["minutes"], **{model: minutes(path.parent) for model, path in own.items()}}
    trained = {"recipe": recipe, "run": run.name, "minutes": spent}
    dates = {part.name: (read_record(run / part.name) or {}).get("sessions", [{}])[-1] for part in parts}
    began = {part: session.get("began") for part, session in dates.items()}
    return replace(
        method, name=run.name, variant=Variant(plain_recipe(recipe)), about={**method.about, **trained, "began": began}
    )


def of_baselines(names: Sequence[str]) -> list[Method]:
    """Methods without learning. Raises OptionError."""
    return [Method(name, options.pick(BASELINES, name, "baseline")) for name in names]


def blended(method: Method, blend: str) -> Method:
    """The same method with its picture put into the hole in another way: GFC's M5."""
    way = BLENDS[blend]

    def system(given: Given) -> Answer:
        answer = method.system(given)
        if answer.raw is None:
            return answer
        return replace(answer, raw=(255 * completed(answer.raw, given, way)).round().to(answer.raw.dtype))

    assert method.variant is not None
    return replace(method, name=f"{method.name} + {blend}", system=system, variant=replace(method.variant, blend=blend))


def at_frame(method: Method, pixels: int) -> Method:
    """The same method on frames of another side: it sees them in its own size, and its picture is resized back."""
    own = method.frame_pixels
    if own is None or own == pixels:
        return method

    def system(given: Given) -> Answer:
        answer = method.system(resized(given, own))
        raw = None if answer.raw is None else to_bytes(resize(answer.raw.float(), pixels))
        landmarks = None if answer.landmarks is None else rescale(answer.landmarks.float(), own, pixels)
        return Answer(raw=raw, landmarks=landmarks)

    return replace(method, system=system, about={**method.about, "measured_at_pixels": pixels})


def resized(given: Given, pixels: int) -> Given:
    """In another size: whatever a missing pixel has a share in is missing, so nothing of it is seen."""
    side = given.image.shape[-1]
    missing = (resize(given.hole.float(), pixels) > 0).to(given.hole.dtype)
    reference = None if given.reference is None else to_bytes(resize(given.reference.float(), pixels))
    return replace(
        given,
        image=to_bytes(resize(given.image.float(), pixels)),
        hole=missing,
        landmarks=rescale(given.landmarks, side, pixels),
        reference=reference,
    )


def resize(pictures: Tensor, pixels: int) -> Tensor:
    """[B,C,F,F] -> [B,C,pixels,pixels]: areas' means to smaller sides, straight lines between pixels to larger ones."""
    if pixels < pictures.shape[-1]:
        return F.interpolate(pictures, (pixels, pixels), mode="area")
    return F.interpolate(pictures, (pixels, pixels), mode="bilinear", align_corners=False)


def rescale(landmarks: Tensor, side: int, pixels: int) -> Tensor:
    """Points in pixels of a frame of one side -> of another; pixel centres are whole numbers."""
    return (landmarks + 0.5) * (pixels / side) - 0.5


def to_bytes(pictures: Tensor) -> Tensor:
    return pictures.round().clamp(0, 255).byte()


def plain_recipe(recipe: str) -> str:
    """The recipe of a paper that a demo, a tiny one or one for other faces stands for."""
    return next((recipe.removesuffix(suffix) for suffix in SUFFIXES if recipe.endswith(suffix)), recipe)
