"""Figures of a system, or of a baseline, on faces with seeded holes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.blending import Blend
from training.data.faces import Faces
from training.data.holes import make_holes
from training.data.landmarks import nme
from training.data.transforms import resize
from training.frozen.features import FeatureNetwork
from training.masking import complete
from training.metrics.identity import IdentityNetwork
from training.metrics.perception import FeatureDistance, describe, frechet_distance
from training.metrics.profiles import Profile
from training.systems import Answer, System

TELEA_RADIUS_PIXELS = 3
NME = "NME %"
IDENTITY = "identity distance"
SPREAD = "spread"


@dataclass(frozen=True)
class Yardstick:
    """What is measured. A feature network that is None leaves its figures out."""

    profile: Profile
    distance: FeatureDistance | None = None
    frechet: FeatureNetwork | None = None
    identity: IdentityNetwork | None = None
    blend: Blend = complete  # how the raw picture is put into the hole before it is measured
    spread: bool = False  # complete every face twice, and measure how far both results are apart

    def columns(self) -> list[str]:
        """Names of all figures, in the order of the table; those of feature networks name the network."""
        names = list(self.profile.metrics)
        if self.distance is not None:
            names.append(self.distance.name)
        if self.frechet is not None:
            names.append(f"Frechet distance ({self.frechet.network})")
        if self.identity is not None:
            names.append(f"{IDENTITY} ({self.identity.name})")
        return [*names, *([SPREAD] if self.spread else []), NME]


@dataclass(frozen=True)
class Row:
    """Means over all faces for one kind of holes and one method."""

    holes: str
    method: str
    hole_ratio: float  # missing share, 0..1
    figures: dict[str, float]  # column -> mean; a figure the method does not have is absent


@dataclass
class Sums:
    """What one method collects while the faces go by."""

    values: dict[str, list[Tensor]] = field(default_factory=dict)
    described: list[Tensor] = field(default_factory=list)

    def add(self, name: str, values: Tensor) -> None:
        self.values.setdefault(name, []).append(values.detach().double().cpu())


@dataclass(frozen=True)
class Prepared:
    """All faces in the face frame."""

    images: Tensor  # [N,3,F,F] uint8
    landmarks: Tensor  # [N,68,2] float32, pixels of the frame

    @property
    def frame_pixels(self) -> int:
        return self.images.shape[-1]


def prepare(faces: Faces, count: int | None = None, frame_pixels: int = 256) -> Prepared:
    """The first `count` faces (None: all), resized to the face frame."""
    total = len(faces) if count is None else min(count, len(faces))
    pairs = [resize(faces.image(i), faces.landmarks(i), frame_pixels) for i in range(total)]
    images = np.stack([picture.transpose(2, 0, 1) for picture, _ in pairs])
    return Prepared(torch.from_numpy(images), torch.from_numpy(np.stack([points for _, points in pairs])))


def measure(
    systems: dict[str, System],
    faces: Prepared,
    kinds: Sequence[str],
    seed: int,
    yardstick: Yardstick,
    *,
    batch_size: int = 4,
    device: str = "cpu",
    progress: Callable[[int], object] = lambda faces: None,
) -> Iterator[Row]:
    """One row for each kind of holes and each system, as soon as it is known. `progress` is told faces done."""
    for kind in kinds:
        points = [np.asarray(row) for row in faces.landmarks.numpy()]
        holes = torch.from_numpy(np.stack(make_holes(kind, seed, faces.frame_pixels, points)))[:, None]
        sums = {method: Sums() for method in systems}
        described: list[Tensor] = []
        for start in range(0, len(holes), batch_size):
            image, hole, landmarks = (
                tensor[start : start + batch_size].to(device) for tensor in (faces.images, holes, faces.landmarks)
            )
            with torch.no_grad():
                if yardstick.frechet is not None:
                    described.append(describe(yardstick.frechet, image.float() / 255).cpu())
                for method, system in systems.items():
                    answer = system(image, hole, landmarks)
                    add(sums[method], answer, image, hole, landmarks, yardstick)
                    if yardstick.spread and answer.raw is not None:
                        again = system(image, hole, landmarks).raw
                        assert again is not None
                        sums[method].add(SPREAD, spread(answer.raw, again, hole))
            progress(len(image))
        ratio = float(holes.float().mean())
        for method, collected in sums.items():
            yield Row(kind, method, ratio, means(collected, described, yardstick))


def add(sums: Sums, answer: Answer, image: Tensor, hole: Tensor, landmarks: Tensor, yardstick: Yardstick) -> None:
    """Figures of one batch; the completed picture is measured as bytes, as it is served."""
    if answer.raw is not None:
        real = image.float() / 255
        blended = yardstick.blend(answer.raw.float() / 255, real, hole.float())
        completed = (255 * blended).round() / 255
        for name, metric in yardstick.profile.metrics.items():
            sums.add(name, metric(completed, real))
        if yardstick.distance is not None:
            sums.add(yardstick.distance.name, yardstick.distance(completed, real))
        if yardstick.frechet is not None:
            sums.described.append(describe(yardstick.frechet, completed).cpu())
        if yardstick.identity is not None:
            sums.add(f"{IDENTITY} ({yardstick.identity.name})", yardstick.identity.distance(completed, real))
    if answer.landmarks is not None:
        sums.add(NME, nme(answer.landmarks.float(), landmarks))


def spread(one: Tensor, other: Tensor, hole: Tensor) -> Tensor:
    """The mean absolute difference of two raw pictures inside the hole, in grey levels of 255: [B]."""
    differences = (one.float() - other.float()).abs().mean(dim=1, keepdim=True) * hole
    return differences.flatten(1).sum(dim=1) / hole.float().flatten(1).sum(dim=1).clamp(min=1)


def means(sums: Sums, described: list[Tensor], yardstick: Yardstick) -> dict[str, float]:
    """Means over faces; the Frechet distance compares all faces at once."""
    figures = {name: float(torch.cat(values).mean()) for name, values in sums.values.items()}
    if yardstick.frechet is not None and sums.described:
        name = f"Frechet distance ({yardstick.frechet.network})"
        figures[name] = frechet_distance(torch.cat(sums.described), torch.cat(described))
    return {name: figures[name] for name in yardstick.columns() if name in figures}


def telea(image: Tensor, hole: Tensor, landmarks: Tensor) -> Answer:
    """OpenCV's Telea inpainting: what a learned system has to beat."""
    completed = [
        inpaint_telea(picture.permute(1, 2, 0).cpu().numpy(), missing[0].cpu().numpy())
        for picture, missing in zip(image, hole, strict=True)
    ]
    return Answer(torch.from_numpy(np.stack(completed)).permute(0, 3, 1, 2).to(image.device), None)


def inpaint_telea(picture: NDArray[np.uint8], hole: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """picture [H,W,3], hole [H,W] {0,1} -> [H,W,3]."""
    painted = cv2.inpaint(np.ascontiguousarray(picture), hole * 255, TELEA_RADIUS_PIXELS, cv2.INPAINT_TELEA)
    return np.asarray(painted, dtype=np.uint8)


BASELINES: dict[str, System] = {"telea": telea}
