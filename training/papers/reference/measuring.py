"""Whether attributes are read well and obeyed: what an extractor that was trained apart, the judge, sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from training.framed import FramedFaces
from training.masking import complete

INTENSITIES = (-1.0, -0.5, 0.0, 0.5, 1.0)
Judge = Callable[[Tensor], Tensor]  # pictures [B,3,H,W] in [0,1] -> attributes [B,A]


class Painter(Protocol):
    """A served generator: one encoding of picture and hole serves all that is asked of them."""

    def encode(self, image: Tensor, hole: Tensor) -> Any: ...
    def paint(self, encoded: Any, attributes: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Sweep:
    """One attribute turned from -1 to 1, the others as the extractor sees them: means over all faces and holes."""

    attribute: str
    readings: tuple[float, ...]  # the judge's, of this attribute, at each of INTENSITIES
    changes: float  # of the hole's pixels between both ends, in grey levels of 255

    @property
    def rises(self) -> bool:
        """Whether each reading is larger than the one before."""
        return all(low < high for low, high in zip(self.readings, self.readings[1:], strict=False))

    @property
    def rise(self) -> float:
        """From one end to the other; 2 is as much as there can be."""
        return self.readings[-1] - self.readings[0]


@torch.no_grad()
def correlations(extractor: nn.Module, faces: FramedFaces, labels: Tensor, kind: str, seed: int) -> Tensor:
    """Of each attribute with its label [N,A], over the faces that have one, seen under holes of this kind: [A]."""
    found = []
    for batch in faces.batches(4):
        given = batch.under(kind, seed)
        found.append(extractor(given.image, given.hole))
    pairs = zip(torch.cat(found).double().T, labels.double().T, strict=True)
    return torch.stack([correlation(one[~other.isnan()], other[~other.isnan()]) for one, other in pairs])


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's, of two [N]; NaN where either is constant, and of fewer than two pairs."""
    if len(one) < 2:
        return one.new_tensor(float("nan"))
    return torch.corrcoef(torch.stack((one, other)))[0, 1]


@torch.no_grad()
def sweep(
    extractor: nn.Module, generator: Painter, judge: Judge, names: Sequence[str], faces: FramedFaces,
    kinds: Sequence[str], seed: int, progress: Callable[[int], object] = lambda faces: None,
) -> list[Sweep]:  # fmt: skip
    """Every attribute by itself, through INTENSITIES."""
    readings = torch.zeros(len(names), len(INTENSITIES), dtype=torch.double)
    changes, count = torch.zeros(len(names), dtype=torch.double), 0
    for kind in kinds:
        for batch in faces.batches(4):
            given = batch.under(kind, seed)
            own, encoded = extractor(given.image, given.hole), generator.encode(given.image, given.hole)
            for place in range(len(names)):
                raws = [generator.paint(encoded, turned(own, place, value)) for value in INTENSITIES]
                pictures = [complete(raw, given.image, given.hole) for raw in raws]
                for step, picture in enumerate(pictures):
                    readings[place, step] += judge(picture.float() / 255)[:, place].double().sum()
                changes[place] += difference(pictures[0], pictures[-1], given.hole).double().sum()
            count += len(batch.places)
            progress(len(batch.places))
    means = readings / count
    return [
        Sweep(name, tuple(means[place].tolist()), float(changes[place]) / count) for place, name in enumerate(names)
    ]


def turned(attributes: Tensor, place: int, value: float) -> Tensor:
    """[B,A] with one attribute at another value."""
    changed = attributes.clone()
    changed[:, place] = value
    return changed


def difference(one: Tensor, other: Tensor, hole: Tensor) -> Tensor:
    """Mean absolute difference of two pictures inside the hole, in grey levels: [B]."""
    differences = (one.float() - other.float()).abs().mean(dim=1, keepdim=True) * hole
    return differences.flatten(1).sum(dim=1) / hole.float().flatten(1).sum(dim=1).clamp(min=1)


@torch.no_grad()
def swept_pictures(
    extractor: nn.Module, generator: Painter, attributes: int, faces: FramedFaces, kind: str, seed: int
) -> Tensor:
    """For the eye, [3,H,W] uint8: a row for each attribute of each face, columns the masked one and INTENSITIES."""
    rows = []
    for batch in faces.batches(1):
        given = batch.under(kind, seed)
        own, encoded = extractor(given.image, given.hole), generator.encode(given.image, given.hole)
        for place in range(attributes):
            raws = [generator.paint(encoded, turned(own, place, value)) for value in INTENSITIES]
            shown = [complete(raw, given.image, given.hole) for raw in raws]
            rows.append(torch.cat((given.image, *shown), dim=3)[0])
    return torch.cat(rows, dim=1)
