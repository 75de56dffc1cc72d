"""Whole systems run as the engine runs them: the models of a repository, bytes in, bytes out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoint import load_snapshot
from training.errors import TrainingError
from training.papers import DEPLOYED
from training.signature import read_config


class OpeningError(TrainingError):
    """A system or model that cannot be opened; the message says which and why."""


@dataclass(frozen=True)
class Answer:
    """What a system returns; None is what it has not."""

    raw: Tensor | None  # [B,3,F,F] uint8
    landmarks: Tensor | None  # [B,68,2] float32, predicted


# image [B,3,F,F] uint8, hole [B,1,F,F] uint8 {0,1}, true landmarks [B,68,2] -> Answer; F is the system's frame
System = Callable[[Tensor, Tensor, Tensor], Answer]
OpenModel = Callable[[str], nn.Module]


@dataclass(frozen=True)
class Repository:
    """Where models come from: snapshots run eagerly, or with `exported` the TorchScript that the engine serves."""

    folder: Path
    snapshots: dict[str, Path]  # model -> file to take instead of the repository's
    exported: bool = False
    device: str = "cpu"

    def open(self, model: str) -> nn.Module:
        """A leaf model in evaluation mode. Raises OpeningError or CheckpointError."""
        return self._open_export(model) if self.exported else self._open_snapshot(model)

    def export(self, model: str) -> Path:
        return self.folder / model / "1" / "model.pt"

    def snapshot(self, model: str) -> Path:
        return self.snapshots.get(model, self.folder / model / "snapshot.safetensors")

    def fingerprints(self, models: Sequence[str]) -> dict[str, str]:
        """sha256 of the file behind each model."""
        files = {model: self.export(model) if self.exported else self.snapshot(model) for model in models}
        return {model: hashlib.sha256(file.read_bytes()).hexdigest() for model, file in files.items()}

    def parameters(self, model: str) -> dict[str, str]:
        """What config.pbtxt says, or has to say, about the model: a parser's class names."""
        if self.exported:
            declared = read_config(self.folder / model).parameters
            return {name: declared[name].string_value for name in declared}
        path = self.snapshot(model)
        state, _ = load_snapshot(path)
        try:
            return DEPLOYED[model].describe(state)
        except (KeyError, IndexError) as error:
            raise OpeningError(f"{path} does not fit {model}: {error}") from error

    def _open_snapshot(self, model: str) -> nn.Module:
        path = self.snapshot(model)
        state, _ = load_snapshot(path)
        try:
            return DEPLOYED[model].load(state).to(self.device)
        except RuntimeError as error:
            raise OpeningError(f"{path} does not fit {model}: {error}") from error

    def _open_export(self, model: str) -> nn.Module:
        path = self.export(model)
        if not path.is_file():
            raise OpeningError(f"{path} is missing; training.export makes it")
        load: Callable[..., nn.Module] = torch.jit.load
        return load(path, map_location=self.device).eval()


def lafin(open_model: OpenModel) -> System:
    """Predictor, then generator with the predicted landmarks: the ensemble `lafin`."""
    predictor, generator = open_model("lafin_predictor"), open_model("lafin_generator")

    def run(image: Tensor, hole: Tensor, landmarks: Tensor) -> Answer:
        predicted = predictor(image, hole)
        return Answer(generator(image, hole, predicted), predicted)

    return run


def lafin_generator(open_model: OpenModel) -> System:
    """The generator with the true landmarks."""
    generator = open_model("lafin_generator")
    return lambda image, hole, landmarks: Answer(generator(image, hole, landmarks), None)


def lafin_predictor(open_model: OpenModel) -> System:
    """The landmark predictor alone."""
    predictor = open_model("lafin_predictor")
    return lambda image, hole, landmarks: Answer(None, predictor(image, hole))


def gfc(open_model: OpenModel) -> System:
    """The generator on noise from seed 0; face after face gets its own."""
    generator = open_model("gfc_generator")
    dice = np.random.default_rng(0)

    def run(image: Tensor, hole: Tensor, landmarks: Tensor) -> Answer:
        noise = torch.from_numpy(dice.uniform(-1, 1, tuple(image.shape))).float().to(image.device)
        return Answer(generator(image, hole, noise), None)

    return run


SYSTEMS: dict[str, Callable[[OpenModel], System]] = {
    "lafin": lafin,
    "lafin_generator": lafin_generator,
    "lafin_predictor": lafin_predictor,
    "gfc": gfc,
}

# System -> the models that it runs.
MODELS: dict[str, tuple[str, ...]] = {
    "lafin": ("lafin_predictor", "lafin_generator"),
    "lafin_generator": ("lafin_generator",),
    "lafin_predictor": ("lafin_predictor",),
    "gfc": ("gfc_generator",),
}


def frame_pixels(name: str) -> int:
    """The side of the face frame that a system sees: that of its models' first input."""
    return DEPLOYED[MODELS[name][0]].inputs[0].shape[-1]


def open_system(name: str, repository: Repository) -> System:
    """A system by name. Raises OpeningError or CheckpointError."""
    if name not in SYSTEMS:
        raise OpeningError(f"unknown model {name!r}; there are {', '.join(SYSTEMS)}")
    return SYSTEMS[name](repository.open)
