"""A system to use from Python: image and hole in, picture out, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from training.data.landmarks import COUNT
from training.data.transforms import resize
from training.errors import TrainingError
from training.given import Given, System
from training.options import open_device
from training.papers import DEPLOYED
from training.systems import OpeningError, Repository, frame_pixels, open_system, opened
from training.taking import snapshot_in

SHIPPED_REPOSITORY = Path(__file__).resolve().parent.parent / "model_repository"


class PaintingError(TrainingError):
    """A picture, hole or guidance that a system cannot be given; the message says what is needed."""


@dataclass(frozen=True)
class Painter:
    """A system with its weights; call it."""

    name: str
    system: System
    frame_pixels: int  # the side at which it works; other pictures are resized and come back in their own size
    takes_landmarks: bool  # instead of predicting them
    device: str

    @torch.no_grad()
    def __call__(
        self,
        image: ArrayLike,
        hole: ArrayLike,
        *,
        landmarks: ArrayLike | None = None,
        reference: ArrayLike | None = None,
        seed: int = 0,
    ) -> NDArray[np.uint8]:
        """Fill the hole of one face: [S,S,3] uint8 RGB, as given where nothing is missing.

        `image` [S,S,3] uint8 RGB is a face frame, as prepared folders hold them: upright, eyes in the upper half. Whole
        photographs are the service's work. `hole` [S,S], not 0 where something is missing. `landmarks` [68,2], (x, y)
        in pixels of the image, are for systems that take them; `reference` [R,R,3] guides `reference_guided`; `seed` is
        that of noise. Raises PaintingError.
        """
        picture, missing = frame(image, "image"), np.asarray(hole)
        if missing.shape != picture.shape[:2]:
            raise PaintingError(f"the hole is {missing.shape}, the image {picture.shape[:2]}: they must be equal")
        if self.takes_landmarks != (landmarks is not None):
            raise PaintingError(f"{self.name} {'needs' if self.takes_landmarks else 'takes no'} landmarks")
        points = np.zeros((COUNT, 2), np.float32) if landmarks is None else points_of(landmarks)
        shown, points = resize(picture, points, self.frame_pixels)
        empty = (missing != 0).astype(np.uint8)
        side = (self.frame_pixels, self.frame_pixels)
        guide = None if reference is None else resize(frame(reference, "reference"), points, self.frame_pixels)[0]
        given = Given(
            image=self.tensor(shown),
            hole=self.tensor(grown(empty, side)[..., None]),
            landmarks=torch.from_numpy(points)[None].to(self.device),
            noise_seeds=((seed,),),
            reference=None if guide is None else self.tensor(guide),
        )
        raw = self.system(given).raw
        if raw is None:
            raise PaintingError(f"{self.name} completes no pictures")
        painted = raw[0].cpu().numpy().transpose(1, 2, 0)
        painted, _ = resize(np.ascontiguousarray(painted), points, picture.shape[0])
        completed: NDArray[np.uint8] = np.where(empty[..., None] == 1, painted, picture)
        return completed

    def tensor(self, picture: NDArray[np.uint8]) -> Tensor:
        """[H,W,C] to [1,C,H,W] on the device."""
        return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].to(self.device)


def open_painter(name: str, run: str | Path | None, repository: str | Path | None, device: str) -> Painter:
    """A system by name, with the snapshots of a run where it has them. Raises OpeningError, CheckpointError."""
    models, place = opened(name), open_device(device)
    trained = {} if run is None else {model: snapshot_in(Path(run), model) for model in models}
    snapshots = {model: file for model, file in trained.items() if file.is_file()}
    if run is not None and not snapshots:
        raise OpeningError(f"{run} has no snapshot of {' or of '.join(models)}")
    folder = SHIPPED_REPOSITORY if repository is None else Path(repository)
    system = open_system(name, Repository(folder, snapshots, device=place))
    takes = any(port.shape == (COUNT, 2) for port in DEPLOYED[models[0]].inputs)
    return Painter(name, system, frame_pixels(name), takes, place)


def frame(image: ArrayLike, what: str) -> NDArray[np.uint8]:
    """A square RGB picture of bytes. Raises PaintingError."""
    picture = np.asarray(image)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.shape[0] != picture.shape[1] or picture.dtype != np.uint8:
        raise PaintingError(f"the {what} is {picture.dtype} {picture.shape}: it must be uint8 [S,S,3], a square face")
    return np.ascontiguousarray(picture)


def points_of(landmarks: ArrayLike) -> NDArray[np.float32]:
    points = np.asarray(landmarks, np.float32)
    if points.shape != (COUNT, 2):
        raise PaintingError(f"the landmarks are {points.shape}: they must be [{COUNT}, 2]")
    return points


def grown(hole: NDArray[np.uint8], side: tuple[int, int]) -> NDArray[np.uint8]:
    """A hole at the frame's size: every pixel that holds something missing is missing, so nothing of it is seen."""
    if hole.shape == side:
        return hole
    shrinking = cv2.INTER_AREA if side[0] < hole.shape[0] else cv2.INTER_LINEAR
    share = cv2.resize(hole.astype(np.float32), side, interpolation=shrinking)
    grown: NDArray[np.uint8] = (share > 0).astype(np.uint8)
    return grown
