"""Figures of systems on faces with seeded holes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.blending import Blend, completed
from training.data.landmarks import nme
from training.framed import FramedBatch, FramedFaces
from training.frozen.features import FeatureNetwork
from training.given import Answer, Given, System
from training.masking import complete
from training.metrics.identity import IdentityNetwork
from training.metrics.perception import FeatureDistance, describe, frechet_distance
from training.metrics.profiles import Profile

NME = "NME %"
SPREAD = "spread"


@dataclass(frozen=True)
class Yardstick:
    """What is measured. A network that is None leaves its figures out."""

    profile: Profile
    distance: FeatureDistance | None = None
    frechet: FeatureNetwork | None = None
    identity: IdentityNetwork | None = None
    blend: Blend = complete  # how the raw picture is put into the hole before it is measured
    spread: bool = False  # complete every face twice, and measure how far both results are apart

    @property
    def frechet_column(self) -> str:
        return "" if self.frechet is None else f"Frechet distance ({self.frechet.network})"

    @property
    def identity_column(self) -> str:
        return "" if self.identity is None else f"identity distance ({self.identity.name})"

    def columns(self) -> list[str]:
        """Names of all figures, in the order of the table; those of networks name the network."""
        distance = "" if self.distance is None else self.distance.name
        names = (*self.profile.metrics, distance, self.frechet_column, self.identity_column)
        return [name for name in (*names, SPREAD if self.spread else "", NME) if name]


@dataclass(frozen=True)
class Row:
    """Means over all faces for one kind of holes and one method."""

    holes: str
    hole_ratio: float  # missing share, 0..1
    method: str
    figures: dict[str, float]  # column -> mean; a figure the method does not have is absent


@dataclass
class Sums:
    """What one method collects while the faces go by."""

    values: dict[str, list[Tensor]] = field(default_factory=dict)
    described: list[Tensor] = field(default_factory=list)  # completed pictures, for the Frechet distance

    def add(self, name: str, values: Tensor) -> None:
        self.values.setdefault(name, []).append(values.detach().double().cpu())


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
    for kind in kinds:
        sums = {method: Sums() for method in systems}
        described: list[Tensor] = []
        ratios: list[Tensor] = []
        for batch in faces.batches(batch_size, device):
            given = batch.under(kind, seed)
            ratios.append(given.hole.float().flatten(1).mean(dim=1).cpu())
            if yardstick.frechet is not None:
                described.append(describe(yardstick.frechet, batch.image.float() / 255).cpu())
            for method, system in systems.items():
                answer = system(given)
                add(sums[method], answer, batch, given, yardstick)
                if yardstick.spread and answer.raw is not None:
                    again = system(batch.under(kind, seed, sample=1)).raw
                    assert again is not None
                    sums[method].add(SPREAD, spread(answer.raw, again, given.hole))
            progress(len(batch.places))
        ratio = float(torch.cat(ratios).mean())
        for method, collected in sums.items():
            yield Row(kind, ratio, method, means(collected, described, yardstick))


def add(sums: Sums, answer: Answer, batch: FramedBatch, given: Given, yardstick: Yardstick) -> None:
    """Figures of one batch; the completed picture is measured as bytes, as it is served."""
    if answer.raw is not None:
        real, picture = batch.image.float() / 255, completed(answer.raw, given, yardstick.blend)
        for name, metric in yardstick.profile.metrics.items():
            sums.add(name, metric(picture, real))
        if yardstick.distance is not None:
            sums.add(yardstick.distance.name, yardstick.distance(picture, real))
        if yardstick.frechet is not None:
            sums.described.append(describe(yardstick.frechet, picture).cpu())
        if yardstick.identity is not None:
            sums.add(yardstick.identity_column, yardstick.identity.distance(picture, real))
    if answer.landmarks is not None:
        sums.add(NME, nme(answer.landmarks.float(), batch.landmarks))


def spread(one: Tensor, other: Tensor, hole: Tensor) -> Tensor:
    """The mean absolute difference of two raw pictures inside the hole, in grey levels of 255: [B]."""
    differences = (one.float() - other.float()).abs().mean(dim=1, keepdim=True) * hole
    return differences.flatten(1).sum(dim=1) / hole.float().flatten(1).sum(dim=1).clamp(min=1)


def means(sums: Sums, described: list[Tensor], yardstick: Yardstick) -> dict[str, float]:
    """Means over faces; the Frechet distance compares all faces at once."""
    figures = {name: float(torch.cat(values).mean()) for name, values in sums.values.items()}
    if sums.described:
        figures[yardstick.frechet_column] = frechet_distance(torch.cat(sums.described), torch.cat(described))
    return {name: figures[name] for name in yardstick.columns() if name in figures}
