"""Figures of systems on faces with seeded holes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from training.blending import completed
from training.data.in_order import in_order
from training.data.landmarks import nme
from training.framed import FramedBatch, FramedFaces
from training.given import Given, System
from training.machine import shared_cores
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


@dataclass(frozen=True)
class Truth:
    """The whole pictures of a batch, and what the metrics' networks say of them; None where there is no network."""

    image: Tensor  # [B,3,F,F] in [0,1]
    landmarks: Tensor  # [B,68 or 98,2]
    maps: dict[str, Tensor] | None  # of the feature distance
    identity: Tensor | None  # [B,D]


class Truths:
    """Truth after truth. What is small is asked once, whatever the number of holes; the maps once for all methods."""

    def __init__(self, yardstick: Yardstick) -> None:
        self.yardstick = yardstick
        self.described: dict[int, Tensor] = {}  # by the batch's first place
        self.identities: dict[int, Tensor] = {}

    def see(self, batch: FramedBatch) -> Truth:
        yardstick, place, image = self.yardstick, batch.places.start, batch.image.float() / 255
        if yardstick.frechet is not None and place not in self.described:
            self.described[place] = describe(yardstick.frechet, image).cpu()
        if yardstick.identity is not None and place not in self.identities:
            self.identities[place] = yardstick.identity(image, batch.landmarks)
        maps = None if yardstick.distance is None else yardstick.distance.features(image)
        return Truth(image, batch.landmarks, maps, self.identities.get(place))

    def descriptions(self) -> Tensor:
        """Of all pictures for the Frechet distance, in their order: [N,C]."""
        return torch.cat([self.described[place] for place in sorted(self.described)])


@dataclass(frozen=True)
class Found:
    """What one batch gave under one kind of holes."""

    faces: int
    ratios: Tensor  # [B], missing shares
    holes: bytes  # a bit for each pixel
    figures: dict[str, dict[str, Tensor]]  # method -> column -> [B]
    described: dict[str, Tensor]  # method -> [B,C], completed pictures for the Frechet distance


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
    """One row for each kind of holes and each system, as soon as it is known. `progress` is told faces done.

    On a CPU several batches are measured at once, with a share of the cores each.
    """
    truths = Truths(yardstick)
    for kind in kinds:
        found: list[Found] = []
        with shared_cores(device) as workers:
            look = partial(look_at, systems, kind, seed, truths)
            for one in in_order(look, faces.batches(batch_size, device), workers):
                found.append(one)
                progress(one.faces)
        for method in systems:
            yield sum_up(kind, method, found, truths)


@torch.no_grad()  # of a thread: the one that measures
def look_at(systems: dict[str, System], kind: str, seed: int, truths: Truths, batch: FramedBatch) -> Found:
    """All that is measured of a batch, method by method."""
    yardstick, truth, given = truths.yardstick, truths.see(batch), batch.under(kind, seed)
    figures, described = {}, {}
    for method, system in systems.items():
        answer = system(given)
        picture = None if answer.raw is None else completed(answer.raw, given, yardstick.blend)
        columns = {} if picture is None else picture_figures(picture, given, truth, yardstick)
        if answer.landmarks is not None:
            columns[NME] = nme(answer.landmarks.float(), batch.landmarks)
        if yardstick.spread and answer.raw is not None:
            again = system(batch.under(kind, seed, sample=1)).raw
            assert again is not None
            columns[SPREAD] = spread(answer.raw, again, given.hole)
        if picture is not None and yardstick.frechet is not None:
            described[method] = describe(yardstick.frechet, picture).cpu()
        figures[method] = {name: values.detach().double().cpu() for name, values in columns.items()}
    ratios = given.hole.float().flatten(1).mean(dim=1).cpu()
    holes = np.packbits(given.hole.cpu().numpy(), axis=-1).tobytes()
    return Found(len(batch.places), ratios, holes, figures, described)


def picture_figures(picture: Tensor, given: Given, truth: Truth, yardstick: Yardstick) -> dict[str, Tensor]:
    """Figures of completed pictures, [B] each; they are measured as bytes, as they are served."""
    columns = yardstick.profile.figures(picture, truth.image, given.hole)
    if yardstick.distance is not None:
        assert truth.maps is not None, "there is a network"
        columns[yardstick.distance.name] = yardstick.distance.from_maps(picture, truth.maps)
    if yardstick.identity is not None:
        assert truth.identity is not None, "there is a network"
        squares = (yardstick.identity(picture, truth.landmarks) - truth.identity).square()
        columns[yardstick.identity_column] = squares.sum(dim=1)
    return columns


def spread(one: Tensor, other: Tensor, hole: Tensor) -> Tensor:
    """The mean absolute difference of two raw pictures inside the hole, in grey levels of 255: [B]."""
    differences = (one.float() - other.float()).abs().mean(dim=1, keepdim=True) * hole
    return differences.flatten(1).sum(dim=1) / hole.float().flatten(1).sum(dim=1).clamp(min=1)


def sum_up(kind: str, method: str, found: Sequence[Found], truths: Truths) -> Row:
    """Means over faces with their intervals; the Frechet distance compares all faces at once and has none."""
    yardstick, names = truths.yardstick, found[0].figures[method]
    joined = {name: torch.cat([one.figures[method][name] for one in found]) for name in names}
    values = {name: joined[name].tolist() for name in yardstick.columns() if name in joined}
    figures = {name: float(each.mean()) for name, each in joined.items()}
    if method in found[0].described:
        described = torch.cat([one.described[method] for one in found])
        figures[yardstick.frechet_column] = frechet_distance(described, truths.descriptions())
    ordered = {name: figures[name] for name in yardstick.columns() if name in figures}
    edges = {name: interval(each) for name, each in values.items()}
    intervals = {name: edge for name, edge in edges.items() if edge is not None}
    ratio = float(torch.cat([one.ratios for one in found]).mean())
    digest = hashlib.sha256(b"".join(one.holes for one in found)).hexdigest()
    return Row(kind, ratio, method, ordered, intervals, values, digest)
