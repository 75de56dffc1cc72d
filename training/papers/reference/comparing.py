"""Two references for one hole: how far what is painted differs, in the whole hole, at the eyes and at the mouth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.data.holes import around
from training.framed import FramedBatch, FramedFaces
from training.masking import complete
from training.papers.reference.measuring import Painter, difference

# Rows of the 68 landmarks, of each part one or more boxes.
PARTS = {"eyes": ((36, 42), (42, 48)), "mouth": ((48, 68),)}
LEAST_SHARE = 0.5  # of a part that a hole must hide for the part to count
VISIBLE = 5.0  # grey levels at eyes or mouth, a common shift of colour apart

Pair = tuple[int, int]  # places in the row of two references


@dataclass(frozen=True)
class Apart:
    """How far the pictures of two references differ: means over the faces, in grey levels of 255."""

    references: str  # which two
    holes: str
    hole: float  # every difference counts
    eyes: float  # here and at the mouth a common shift of colour does not; NaN where no hole hides them
    mouth: float
    visible_percent: float  # faces whose hidden eyes or mouth differ by VISIBLE or more; NaN where none are hidden


@torch.no_grad()
def read_all(extractor: nn.Module, faces: FramedFaces, device: str = "cpu") -> Tensor:
    """The attributes of every face of the row as a reference, [N,A]."""
    return torch.cat([extractor(b.image, torch.zeros_like(b.image[:, :1])) for b in faces.batches(4, device)])


def next_two(place: int, count: int) -> Pair:
    """The two faces behind a place of a row, which begins again behind its end: any two, that is."""
    return (place + 1) % count, (place + 2) % count


def most_unlike(attributes: Tensor) -> Pair:
    """Places of the two references whose attributes [N,A] lie farthest apart."""
    distances = torch.cdist(attributes.double(), attributes.double())
    return divmod(int(distances.argmax()), len(attributes))


@torch.no_grad()
def apart(
    generator: Painter, attributes: Tensor, faces: FramedFaces, kind: str, seed: int,
    pair_of: Callable[[int], Pair], references: str, device: str = "cpu",
) -> Apart:  # fmt: skip
    """Each face under its hole of this kind, painted by both of its references; `attributes` [N,A] of the row."""
    found: list[Tensor] = []  # [B,1 + parts]
    for batch in faces.batches(4, device):
        (one, other), hole = painted(generator, attributes, batch, kind, seed, pair_of)
        parts = [shape_difference(one, other, hidden(batch, boxes, hole)) for boxes in PARTS.values()]
        found.append(torch.stack((difference(one, other, hole), *parts), dim=1).double().cpu())
    values = torch.cat(found)
    known = values[:, 1:][~values[:, 1:].isnan().all(dim=1)]
    visible = 100 * (known.nan_to_num() >= VISIBLE).any(dim=1).double().mean() if len(known) else math.nan
    hole, eyes, mouth = values.nanmean(dim=0).tolist()
    return Apart(references, kind, hole, eyes, mouth, float(visible))


def painted(
    generator: Painter, attributes: Tensor, batch: FramedBatch, kind: str, seed: int, pair_of: Callable[[int], Pair]
) -> tuple[list[Tensor], Tensor]:
    """The two completed pictures of each face, [B,3,F,F] uint8 each, and the holes [B,1,F,F]."""
    given = batch.under(kind, seed)
    encoded = generator.encode(given.image, given.hole)
    pairs = [pair_of(place) for place in batch.places]
    vectors = [attributes[[pair[end] for pair in pairs]] for end in (0, 1)]
    raws = [generator.paint(encoded, vector) for vector in vectors]
    return [complete(raw, given.image, given.hole) for raw in raws], given.hole


def hidden(batch: FramedBatch, boxes: Sequence[Pair], hole: Tensor) -> Tensor:
    """[B,1,F,F], 1 where the hole hides the part; nothing of a face that shows more of the part than it hides."""
    masks = [np.zeros(hole.shape[2:], np.uint8) for _ in batch.places]
    for mask, points in zip(masks, batch.landmarks.cpu().numpy(), strict=True):
        for first, last in boxes:
            mask |= around(hole.shape[-1], points[first:last])
    part = torch.from_numpy(np.stack(masks))[:, None].to(hole.device)
    inside = part * hole
    enough = inside.flatten(1).sum(dim=1) >= LEAST_SHARE * part.flatten(1).sum(dim=1)
    return inside * enough.view(-1, 1, 1, 1)


def shape_difference(one: Tensor, other: Tensor, where: Tensor) -> Tensor:
    """Mean absolute difference of two pictures inside `where`, less its mean in each channel: [B], NaN of nothing.

    Skin that is lighter everywhere is no other mouth.
    """
    inside = where.float()
    count = inside.flatten(1).sum(dim=1).view(-1, 1, 1, 1)
    differences = one.float() - other.float()
    shift = (differences * inside).sum(dim=(2, 3), keepdim=True) / count
    return (((differences - shift).abs() * inside).sum(dim=(2, 3), keepdim=True) / count).mean(dim=(1, 2, 3))


@torch.no_grad()
def compared_pictures(
    generator: Painter, attributes: Tensor, faces: FramedFaces, kind: str, seed: int,
    pair_of: Callable[[int], Pair], shown: int, device: str = "cpu",
) -> Tensor:  # fmt: skip
    """For the eye, [3,H,W] uint8: a row for each of the first faces; masked, then each reference with its picture."""
    rows = []
    for batch in faces.first(shown).batches(1, device):
        (one, other), hole = painted(generator, attributes, batch, kind, seed, pair_of)
        first, second = (faces.pair(place)[0][None].to(device) for place in pair_of(batch.places.start))
        masked = batch.image * (1 - hole)
        rows.append(torch.cat((masked, first, one, second, other), dim=3)[0])
    return torch.cat(rows, dim=1)
