"""Places that the second look learns from: what the maps name in a scene, faces missed by a little, and anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from training.papers.finder.finding import LEAST_SCORE
from training.papers.finder.losses import FACE
from training.papers.finder.networks import POINTS
from training.papers.finder.points import centre_of, roll_of, size_of, turn
from training.papers.finder.scenes import MOST_LABELS

MISSES, NOWHERE = 2, 1  # places beside each face, and anywhere
CHANCE = 4 * (MISSES * MOST_LABELS + NOWHERE)  # numbers that a scene's places are drawn with
SHIFT, STRETCH, TURN = 0.45, 0.5, 0.6  # a miss: so many sizes, powers of e and radians to either side
ANYWHERE_PIXELS = (22.0, 300.0)  # sizes
MOST_NAMED = 10  # of what the maps name in a scene
FACE_WITHIN, FACE_ALIKE = (
    0.5,
    1.9,
)  # a place is a face's: its centre within this share of the size, sizes within this factor
UNSURE_WITHIN = 0.9  # within this share of the larger size of a face a place that is not its own teaches nothing


@dataclass(frozen=True)
class Trials:
    """n places of a batch of scenes that teach something, scene after scene."""

    owner: Tensor  # [n] int64, the scene of each
    places: Tensor  # [n,5] centre x and y, size, sine and cosine of the roll, in pixels
    is_face: Tensor  # [n] 0 or 1
    shape: Tensor  # [n,10] the face's points from the place's centre, upright, in its sizes; of others no matter what


def trials(likely: Tensor, labels: Tensor, chance: Tensor, side_pixels: int) -> Trials:
    """likely [B,K,16] of the maps, labels [B,M,11], chance [B,N] in [0,1), scenes of this side."""
    points = labels[..., : 2 * POINTS].reshape(*labels.shape[:2], POINTS, 2)
    kind = labels[..., -1]
    owners, places = zip(
        named(likely), missed(points, kind, chance), anywhere(chance[:, -4 * NOWHERE :], side_pixels), strict=True
    )
    owner, place = torch.cat(owners), torch.cat(places)
    face, taught = matched(place, points[owner], kind[owner])
    owner, place, face = owner[taught], place[taught], face[taught]
    order = owner.argsort(stable=True)
    owner, place, face = owner[order], place[order], face[order]
    is_face = face >= 0
    its = points[owner, face.clamp(min=0)]
    back = torch.stack((-place[:, 3], place[:, 4]), dim=-1)[:, None].expand(-1, POINTS, -1)
    shape = turn(its - place[:, None, :2], back) / place[:, None, 2:3]
    return Trials(owner, place, is_face.float(), shape.flatten(1))


def named(likely: Tensor) -> tuple[Tensor, Tensor]:
    """What the maps name: scene and place of each."""
    some = likely[:, :MOST_NAMED]
    owner, rank = (some[..., 0] >= LEAST_SCORE).nonzero(as_tuple=True)
    return owner, some[owner, rank, 1:6].float()


def missed(points: Tensor, kind: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
    """Places beside each sure face."""
    owner, label = (kind == FACE).nonzero(as_tuple=True)
    drawn = chance[:, : 4 * MISSES * MOST_LABELS].reshape(len(chance), MOST_LABELS, MISSES, 4)[owner, label] * 2 - 1
    face = points[owner, label][:, None].expand(-1, MISSES, -1, -1)
    size = size_of(face)
    centre = centre_of(face) + SHIFT * size[..., None] * drawn[..., :2]
    radians = torch.atan2(*roll_of(face).unbind(-1)) + TURN * drawn[..., 3]
    place = placed(centre, size * torch.exp(STRETCH * drawn[..., 2]), radians)
    return owner.repeat_interleave(MISSES), place.flatten(0, 1)


def anywhere(chance: Tensor, side_pixels: int) -> tuple[Tensor, Tensor]:
    """Any place of each scene, of any size and roll."""
    drawn = chance.reshape(len(chance), NOWHERE, 4)
    low, high = (math.log(size) for size in ANYWHERE_PIXELS)
    place = placed(
        drawn[..., :2] * side_pixels,
        torch.exp(low + (high - low) * drawn[..., 2]),
        2 * math.pi * drawn[..., 3],
    )
    owner = torch.arange(len(chance), device=chance.device).repeat_interleave(NOWHERE)
    return owner, place.flatten(0, 1)


def placed(centre: Tensor, size: Tensor, radians: Tensor) -> Tensor:
    """[...,2], [...], [...] -> [...,5]."""
    return torch.cat((centre, torch.stack((size, radians.sin(), radians.cos()), dim=-1)), dim=-1)


def matched(place: Tensor, points: Tensor, kind: Tensor) -> tuple[Tensor, Tensor]:
    """Which face [n] a place is (-1: none), and where that teaches something. [n,5], [n,M,5,2], [n,M]."""
    size, own = size_of(points).clamp(min=1), place[:, None, 2]
    away = torch.linalg.vector_norm(centre_of(points) - place[:, None, :2], dim=-1)
    alike = torch.maximum(size / own, own / size) < FACE_ALIKE
    is_its = (kind == FACE) & (away < FACE_WITHIN * size) & alike
    nearest = torch.where(is_its, away / size, torch.inf).argmin(dim=1)
    is_face = is_its.any(dim=1)
    near = ((kind != 0) & (away < UNSURE_WITHIN * torch.maximum(size, own))).any(dim=1)
    return torch.where(is_face, nearest, -1), is_face | ~near
