"""Whether attributes are read well and obeyed: what an extractor that was trained apart, the judge, sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from training.framed import FramedFaces
from training.given import Given
from training.masking import complete

INTENSITIES = (-1.0, -0.5, 0.0, 0.5, 1.0)
LEAST_STEP, LEAST_RISE = 0.01, 0.1  # of an attribute that is obeyed: each step, and from end to end; 2 is the most
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
    faces_percent: float  # whose own reading is larger at 1 than at -1
    changes: float  # of the hole's pixels between both ends, in grey levels of 255

    @property
    def smallest_step(self) -> float:
        """The least that a reading is larger than the one before; 0 or less where they do not rise."""
        return min(high - low for low, high in zip(self.readings, self.readings[1:], strict=False))

    @property
    def rise(self) -> float:
        """From one end to the other; 2 is as much as there can be."""
        return self.readings[-1] - self.readings[0]

    @property
    def obeyed(self) -> bool:
        """Whether the readings rise with every step, and by a margin."""
        return self.smallest_step >= LEAST_STEP and self.rise >= LEAST_RISE


@torch.no_grad()
def correlations(
    extractor: nn.Module, faces: FramedFaces, labels: Tensor, kind: str, seed: int, device: str = "cpu"
) -> Tensor:
    """Of each attribute with its label [N,A], over the faces that have one, seen under holes of this kind: [A]."""
    found = []
    for batch in faces.batches(4, device):
        given = batch.under(kind, seed)
        found.append(extractor(given.image, given.hole).cpu())
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
    kinds: Sequence[str], seed: int, progress: Callable[[int], object] = lambda faces: None, device: str = "cpu",
) -> list[Sweep]:  # fmt: skip
    """Every attribute by itself, through INTENSITIES."""
    readings: list[Tensor] = []  # [A,5,B] of each batch
    changes: list[Tensor] = []  # [A,B]
    for kind in kinds:
        for batch in faces.batches(4, device):
            read, changed = swept_batch(extractor, generator, judge, len(names), batch.under(kind, seed))
            readings.append(read.double().cpu())
            changes.append(changed.double().cpu())
            progress(len(batch.places))
    every = torch.cat(readings, dim=2)
    means = every.mean(dim=2)
    risen = 100 * (every[:, -1] > every[:, 0]).double().mean(dim=1)
    changed = torch.cat(changes, dim=1).mean(dim=1)
    return [
        Sweep(name, tuple(means[place].tolist()), float(risen[place]), float(changed[place]))
        for place, name in enumerate(names)
    ]


def swept_batch(
    extractor: nn.Module, generator: Painter, judge: Judge, attributes: int, given: Given
) -> tuple[Tensor, Tensor]:
    """What the judge reads of each attribute at INTENSITIES, [A,5,B], and the hole's change between the ends, [A,B]."""
    own, encoded = extractor(given.image, given.hole), generator.encode(given.image, given.hole)
    readings, changes = [], []
    for place in range(attributes):
        raws = [generator.paint(encoded, turned(own, place, value)) for value in INTENSITIES]
        pictures = [complete(raw, given.image, given.hole) for raw in raws]
        readings.append(torch.stack([judge(picture.float() / 255)[:, place] for picture in pictures]))
        changes.append(difference(pictures[0], pictures[-1], given.hole))
    return torch.stack(readings), torch.stack(changes)


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
    extractor: nn.Module, generator: Painter, attributes: int, faces: FramedFaces, kind: str, seed: int,
    device: str = "cpu",
) -> Tensor:  # fmt: skip
    """For the eye, [3,H,W] uint8: a row for each attribute of each face, columns the masked one and INTENSITIES."""
    rows = []
    for batch in faces.batches(1, device):
        given = batch.under(kind, seed)
        own, encoded = extractor(given.image, given.hole), generator.encode(given.image, given.hole)
        for place in range(attributes):
            raws = [generator.paint(encoded, turned(own, place, value)) for value in INTENSITIES]
            shown = [complete(raw, given.image, given.hole) for raw in raws]
            rows.append(torch.cat((given.image, *shown), dim=3)[0])
    return torch.cat(rows, dim=1)
