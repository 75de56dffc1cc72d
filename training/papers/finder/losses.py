"""The losses of the finder: CenterNet's heat map (Zhou et al. 2019, Eq. 1), and what each cell says about its face."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.layers.denormals import sigmoid
from training.papers.finder.networks import HEAT, LOG_SIZE, OFFSET, POINTS, ROLL, SHAPE, SIZE, STRIDE
from training.papers.finder.points import centre_of, roll_of, size_of, turn

ALPHA, BETA = 2, 4  # Eq. 1
SPREAD = 0.1  # the heat's standard deviation, in sizes of the face ...
LEAST_SPREAD_CELLS = 0.7  # ... and at least so many cells
IGNORED_RADIUS = 0.7  # around an uncertain face, in its sizes
TOLD_ABOVE = 0.4  # cells with more heat than this say size, roll and points
FACE, IGNORED = 1.0, -1.0  # kinds of a label; 0 is no label
WEIGHTS = {"heat": 1.0, "offset": 2.0, "size": 1.0, "roll": 1.0, "shape": 2.0}


@dataclass(frozen=True)
class Targets:
    """What the maps should be, for M labels a picture."""

    heat: Tensor  # [B,h,w] in [0,1], 1 in the centre's cell
    counted: Tensor  # [B,h,w], 0 around uncertain faces
    weight: Tensor  # [B,M,h,w], how much a cell has to say of a face
    offset: Tensor  # [B,M,2,h,w]
    size: Tensor  # [B,M]
    roll: Tensor  # [B,M,2]
    shape: Tensor  # [B,M,10]


def make_targets(labels: Tensor, rows: int, columns: int) -> Targets:
    """labels [B,M,11], five points (x, y) in pixels and a kind -> the maps' targets for h = rows, w = columns."""
    points, kind = labels[..., : 2 * POINTS].reshape(*labels.shape[:2], POINTS, 2), labels[..., -1]
    centre, size, roll = centre_of(points), size_of(points).clamp(min=1), roll_of(points)
    y = (torch.arange(rows, device=labels.device) + 0.5) * STRIDE - 0.5
    x = (torch.arange(columns, device=labels.device) + 0.5) * STRIDE - 0.5
    cell = ((centre + 0.5) / STRIDE).floor()
    peak = (cell + 0.5) * STRIDE - 0.5
    square = (x[None, None, None] - peak[..., 0, None, None]) ** 2 + (y[:, None] - peak[..., 1, None, None]) ** 2
    spread = (SPREAD * size).clamp(min=LEAST_SPREAD_CELLS * STRIDE)[..., None, None]
    heats = torch.exp(-square / (2 * spread**2)) * (kind == FACE)[..., None, None]
    near = (square < (IGNORED_RADIUS * size[..., None, None]) ** 2) & (kind == IGNORED)[..., None, None]
    offset = torch.stack(
        torch.broadcast_tensors(centre[..., 0, None, None] - x, centre[..., 1, None, None] - y[:, None]), dim=2
    )
    upright = turn(points - centre[..., None, :], torch.stack((-roll[..., 0], roll[..., 1]), -1)[..., None, :])
    nearest = heats == heats.amax(dim=1, keepdim=True)  # a cell speaks of one face
    heat = heats.amax(dim=1)
    return Targets(
        heat=heat,
        counted=(~near.any(dim=1) | (heat == 1)).float(),
        weight=heats * (heats > TOLD_ABOVE) * nearest,
        offset=offset / size[..., None, None, None],
        size=torch.log(size) - LOG_SIZE,
        roll=roll,
        shape=(upright / size[..., None, None]).flatten(2),
    )


def finder_losses(maps: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """maps [B,16,h,w], labels [B,M,11] -> scalars `heat`, `offset`, `size`, `roll`, `shape`, weighted."""
    used = int((labels[..., -1] != 0).any(dim=0).sum())  # labels come first, padding after
    targets = make_targets(labels[:, : max(1, used)], maps.shape[2], maps.shape[3])
    total = targets.weight.sum(dim=(1, 2, 3)).clamp(min=1.0)

    def told(channels: slice, target: Tensor) -> Tensor:
        """Mean absolute difference where cells have to say something; target [B,M,C] or [B,M,C,h,w]."""
        target = target if target.ndim == 5 else target[..., None, None]
        wrong = (maps[:, None, channels] - target).abs().mean(dim=2) * targets.weight
        return (wrong.sum(dim=(1, 2, 3)) / total).mean()

    losses = {
        "heat": heat_loss(maps[:, HEAT], targets.heat, targets.counted),
        "offset": told(OFFSET, targets.offset),
        "size": told(slice(SIZE, SIZE + 1), targets.size[..., None]),
        "roll": told(ROLL, targets.roll),
        "shape": told(SHAPE, targets.shape),
    }
    return {name: WEIGHTS[name] * loss for name, loss in losses.items()}


def heat_loss(logits: Tensor, heat: Tensor, counted: Tensor) -> Tensor:
    """CenterNet, Eq. 1: focal loss that forgives cells beside a centre. Three [B,h,w].

    Over the number of centres of each picture, then the mean over the pictures: so a batch may be shared out.
    """
    chance = sigmoid(logits)
    is_centre = (heat == 1).float()
    hit = (1 - chance) ** ALPHA * F.logsigmoid(logits) * is_centre
    miss = (1 - heat) ** BETA * chance**ALPHA * F.logsigmoid(-logits) * (1 - is_centre)
    return -(((hit + miss) * counted).sum(dim=(1, 2)) / is_centre.sum(dim=(1, 2)).clamp(min=1)).mean()
