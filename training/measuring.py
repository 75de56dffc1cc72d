"""Figures of systems on faces with seeded holes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from training.blending import completed
from training.data.landmarks import nme
from training.framed import FramedBatch, FramedFaces
from training.given import Answer, Given, System
from training.metrics.bootstrap import interval
from training.metrics.perception import describe, frechet_distance
from training.yardstick import NME, SPREAD, Yardstick


@dataclass(frozen=True)
class Row:
    """Figures of all faces for one kind of holes and one method."""

    holes: str
    hole_ratio: float  # missing share, 0..1
    method: str
    figures: dict[str, float]  # column -> mean; a figure the method does not have is absent
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)  # column -> 95 % bootstrap of the mean
    values: dict[str, list[float]] = field(default_factory=dict)  # column -> each face's, in the faces' order
    holes_sha256: str = ""  # of all holes' pixels, in the faces' order


@dataclass
class Sums:
    """What one method collects while the faces go by."""

    values: dict[str, list[Tensor]] = field(default_factory=dict)
    described: list[Tensor] = field(default_factory=list)  # completed pictures, for the Frechet distance

    def add(self, name: str, values: Tensor) -> None:
        self.values.setdefault(name, []).append(values.detach().double().cpu())


class Truths:
    """What the metrics' networks say of the whole pictures: asked once, whatever the number of holes and methods."""

    def __init__(self, yardstick: Yardstick) -> None:
        self.yardstick = yardstick
        self.described: dict[int, Tensor] = {}  # by the batch's first place
        self.identities: dict[int, Tensor] = {}

    def see(self, batch: FramedBatch) -> None:
        place, image = batch.places.start, batch.image.float() / 255
        if self.yardstick.frechet is not None and place not in self.described:
            self.described[place] = describe(self.yardstick.frechet, image).cpu()
        if self.yardstick.identity is not None and place not in self.identities:
            self.identities[place] = self.yardstick.identity(image, batch.landmarks)


@torch.no_grad()
def measure(
    systems: dict[str, System],
    faces: FramedFaces,
    kinds: Sequence[str],
    seed: int,
    yardstick: Yardstick,
    *,
    batch_size: int = 4,
    device: str = "cpu",
    progress: Callable[[int], object] = lambda faces: None,
) -> Iterator[Row]:
    """One row for each kind of holes and each system, as soon as it is known. `progress` is told faces done."""
    truths = Truths(yardstick)
    for kind in kinds:
        sums = {method: Sums() for method in systems}
        ratios: list[Tensor] = []
        digest = hashlib.sha256()
        for batch in faces.batches(batch_size, device):
            truths.see(batch)
            given = batch.under(kind, seed)
            ratios.append(given.hole.float().flatten(1).mean(dim=1).cpu())
            digest.update(np.packbits(given.hole.cpu().numpy(), axis=-1).tobytes())
            for method, system in systems.items():
                answer = system(given)
                add(sums[method], answer, batch, given, truths)
                if yardstick.spread and answer.raw is not None:
                    again = system(batch.under(kind, seed, sample=1)).raw
                    assert again is not None
                    sums[method].add(SPREAD, spread(answer.raw, again, given.hole))
            progress(len(batch.places))
        ratio = float(torch.cat(ratios).mean())
        for method, collected in sums.items():
            yield sum_up(kind, ratio, method, collected, truths, digest.hexdigest())


def add(sums: Sums, answer: Answer, batch: FramedBatch, given: Given, truths: Truths) -> None:
    """Figures of one batch; the completed picture is measured as bytes, as it is served."""
    yardstick = truths.yardstick
    if answer.raw is not None:
        real, picture = batch.image.float() / 255, completed(answer.raw, given, yardstick.blend)
        for name, values in yardstick.profile.figures(picture, real, given.hole).items():
            sums.add(name, values)
        if yardstick.distance is not None:
            sums.add(yardstick.distance.name, yardstick.distance(picture, real))
        if yardstick.frechet is not None:
            sums.described.append(describe(yardstick.frechet, picture).cpu())
        if yardstick.identity is not None:
            true = truths.identities[batch.places.start]
            squares = (yardstick.identity(picture, batch.landmarks) - true).square()
            sums.add(yardstick.identity_column, squares.sum(dim=1))
    if answer.landmarks is not None:
        sums.add(NME, nme(answer.landmarks.float(), batch.landmarks))


def spread(one: Tensor, other: Tensor, hole: Tensor) -> Tensor:
    """The mean absolute difference of two raw pictures inside the hole, in grey levels of 255: [B]."""
    differences = (one.float() - other.float()).abs().mean(dim=1, keepdim=True) * hole
    return differences.flatten(1).sum(dim=1) / hole.float().flatten(1).sum(dim=1).clamp(min=1)


def sum_up(holes: str, hole_ratio: float, method: str, sums: Sums, truths: Truths, holes_sha256: str) -> Row:
    """Means over faces with their intervals; the Frechet distance compares all faces at once and has none."""
    yardstick = truths.yardstick
    joined = {name: torch.cat(values) for name, values in sums.values.items()}
    values = {name: joined[name].tolist() for name in yardstick.columns() if name in joined}
    figures = {name: float(each.mean()) for name, each in joined.items()}
    if sums.described:
        real = torch.cat(list(truths.described.values()))
        figures[yardstick.frechet_column] = frechet_distance(torch.cat(sums.described), real)
    ordered = {name: figures[name] for name in yardstick.columns() if name in figures}
    edges = {name: interval(each) for name, each in values.items()}
    intervals = {name: edge for name, edge in edges.items() if edge is not None}
    return Row(holes, hole_ratio, method, ordered, intervals, values, holes_sha256)
