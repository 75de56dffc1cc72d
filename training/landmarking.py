"""Where training.prepare takes landmarks from: the data set itself, a file, FAN, or the shipped demo predictor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.importers.fan import Fan
from training.data.importers.points import GivenPoints, OwnPoints
from training.data.importers.source import Points, Source, Unusable
from training.data.transforms import resize
from training.errors import OptionError
from training.options import open_device
from training.papers.finder.points import five_points
from training.systems import Repository

PREDICTOR, PREDICTOR_PIXELS = "lafin_predictor", 256
GREY = 127  # around what the finder sees
OWN, FAN, DEMO = "own", "fan", "demo"
ARRAY_ENDING = ".npy"
FINDER, FINDER_PIXELS = "finder", 640
LEAST_SCORE = 0.5  # of the finder: what is less sure is no face
FURTHEST = 0.25  # mean distance of its five points from the landmarks, in distances of the eyes
WARNING = (
    f"training.prepare: landmarks by {PREDICTOR}, the shipped demo predictor: look at them before you train on them. "
    "A predictor that is trained on them learns its predecessor's mistakes, and no figure shows it."
)


@dataclass(frozen=True)
class LandmarkOptions:
    """What the user asks for."""

    landmarks: str  # own, fan, demo or a file of numpy
    fan: Path | None  # weights for fan
    repository: Path  # where demo's predictor is
    device: str


class DemoPoints:
    """The predictor of a model repository."""

    def __init__(self, repository: Path, device: str) -> None:
        self.description = f"{DEMO}, {PREDICTOR}"
        self._device = device
        self._one_at_a_time = Lock()
        self._predictor = Repository(repository, {}, device=device).open(PREDICTOR)

    def known(self, name: str) -> None:
        return None

    def look(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        side = frame.shape[0]
        small, _ = resize(frame, np.zeros((68, 2), np.float32), PREDICTOR_PIXELS)
        image = torch.from_numpy(np.array(small.transpose(2, 0, 1)))[None].to(self._device)
        with torch.no_grad(), self._one_at_a_time:
            points = self._predictor(image, torch.zeros_like(image[:, :1]))[0].cpu().numpy()
        return np.asarray((points + 0.5) * (side / PREDICTOR_PIXELS) - 0.5, dtype=np.float32)


class AgreeingPoints:
    """Landmarks of another source, where the shipped finder sees a face too, and its five points where they are.

    For pictures that may show none: what looks for landmarks finds some in a fish as well.
    """

    def __init__(self, points: Points, repository: Path, device: str) -> None:
        self.points, self.description = points, points.description
        self._device = device
        self._one_at_a_time = Lock()
        self._finder = Repository(repository, {}, device=device).open(FINDER)

    def known(self, name: str) -> NDArray[np.float32] | None:
        return self.points.known(name)

    def look(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raises Unusable."""
        landmarks = self.points.look(frame)
        five = five_points(landmarks)
        eyes = float(np.linalg.norm(five[0] - five[1]))
        away = [float(np.linalg.norm(found - five, axis=1).mean()) for found in self.find(frame)]
        if not away or not min(away) <= FURTHEST * eyes:
            raise Unusable("no face: finder and landmarks disagree")
        return landmarks

    def find(self, frame: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Five points [5,2] of each face that the finder is sure of. It sees the frame at half its own side."""
        side, half = frame.shape[0], FINDER_PIXELS // 2
        small, _ = resize(frame, np.zeros((68, 2), np.float32), half)
        margin = (FINDER_PIXELS - half) // 2
        image = torch.full((1, 3, FINDER_PIXELS, FINDER_PIXELS), GREY, dtype=torch.uint8)
        image[..., margin : margin + half, margin : margin + half] = torch.from_numpy(
            np.array(small.transpose(2, 0, 1))
        )
        image = image.to(self._device)
        with torch.no_grad(), self._one_at_a_time:
            faces = self._finder(image, torch.zeros_like(image[:, :1]))[0].cpu().numpy()
        sure = faces[faces[:, 0] >= LEAST_SCORE, 6:].reshape(-1, 5, 2)
        return list((sure - margin + 0.5) * (side / half) - 0.5)


def open_points(asked: LandmarkOptions, source: Source, names: Sequence[str]) -> Points:
    """What was asked for, for all `names` of the source. Raises a TrainingError for what cannot be opened.

    Where pictures of the source may show no face, landmarks that are looked for must agree with the finder.
    """
    points = open_asked(asked, source, names)
    if not source.doubtful or asked.landmarks not in (FAN, DEMO):
        return points
    return AgreeingPoints(points, asked.repository, open_device(asked.device))


def open_asked(asked: LandmarkOptions, source: Source, names: Sequence[str]) -> Points:
    """Without that."""
    if (asked.fan is not None) != (asked.landmarks == FAN):
        raise OptionError("--landmarks fan and --fan FILE, its weights, belong together")
    if asked.landmarks == OWN:
        if source.own_points is None:
            raise OptionError(f"the data set has no 68 landmarks of its own: --landmarks FILE.npy, {FAN} or {DEMO}")
        return OwnPoints(source.own_points)
    if asked.landmarks.endswith(ARRAY_ENDING):
        return GivenPoints(Path(asked.landmarks), names)
    if asked.landmarks == FAN:
        assert asked.fan is not None
        return Fan(asked.fan, open_device(asked.device))
    if asked.landmarks == DEMO:
        print(WARNING, file=sys.stderr)
        return DemoPoints(asked.repository, open_device(asked.device))
    known = f"{OWN}, {FAN}, {DEMO} and files *{ARRAY_ENDING}"
    raise OptionError(f"unknown --landmarks {asked.landmarks!r}; there are {known}")
