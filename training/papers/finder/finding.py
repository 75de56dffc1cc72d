"""From maps to a list of faces, inside the exported graph: peaks, what their cells say, each face once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.layers.denormals import sigmoid
from training.papers.finder.networks import LOG_SIZE, POINTS, STRIDE

MOST_FACES = 64
LEAST_SCORE = 0.05  # what scores less is left out
SAME_FACE = 0.5  # centres nearer than this share of the larger size are one face
NUMBERS = 6 + 2 * POINTS  # score, centre x and y, size, sine and cosine of the roll, five points (x, y)


class Peaks(nn.Module):
    """maps [B,16,h,w] -> faces [B,64,16], best first; rows of zeros where there are no more. Pixels of the frame."""

    def __init__(self) -> None:
        super().__init__()
        # TorchScript knows no constants of a module's file.
        self.most, self.stride, self.log_size = MOST_FACES, STRIDE, LOG_SIZE
        self.same_face, self.least_score = SAME_FACE, LEAST_SCORE

    def forward(self, maps: Tensor) -> Tensor:
        heat, offset, size, roll, shape = maps.split((1, 2, 1, 2, maps.shape[1] - 6), dim=1)
        score = sigmoid(heat)
        highest = score == F.max_pool2d(score, 3, 1, 1)
        best, place = (score * highest).flatten(1).topk(min(self.most, maps.shape[2] * maps.shape[3]), dim=1)
        size = torch.exp((pick(size, place) + self.log_size).clamp(0.0, 8.0))
        columns = maps.shape[3]
        cell = torch.stack((place % columns, torch.div(place, columns, rounding_mode="floor")), dim=-1)
        centre = (cell + 0.5) * self.stride - 0.5 + pick(offset, place) * size
        roll = F.normalize(pick(roll, place), dim=-1, eps=1e-6)
        points = upright_to_frame(pick(shape, place) * size, roll, centre)
        score = best * first_of_its_face(centre, size[..., 0], self.same_face)
        faces = torch.cat((score[..., None], centre, size, roll, points), dim=-1)
        faces = faces * (score >= self.least_score)[..., None]
        order = score.argsort(dim=1, descending=True, stable=True)
        faces = faces.gather(1, order[..., None].expand(-1, -1, faces.shape[2]))
        return F.pad(faces, (0, 0, 0, self.most - faces.shape[1]))


def pick(maps: Tensor, place: Tensor) -> Tensor:
    """What the cells at `place` say: [B,C,h,w], [B,K] -> [B,K,C]."""
    return maps.flatten(2).gather(2, place[:, None].expand(-1, maps.shape[1], -1)).transpose(1, 2)


def upright_to_frame(shape: Tensor, roll: Tensor, centre: Tensor) -> Tensor:
    """Points of the upright face, turned by its roll and moved to its centre. [...,10], [...,2] twice -> [...,10]."""
    x, y = shape[..., 0::2], shape[..., 1::2]
    sine, cosine = roll[..., 0:1], roll[..., 1:2]
    turned = (x * cosine - y * sine + centre[..., 0:1], x * sine + y * cosine + centre[..., 1:2])
    return torch.stack(turned, dim=-1).flatten(-2)


def first_of_its_face(centre: Tensor, size: Tensor, same_face: float) -> Tensor:
    """1 for each face that no better one (earlier in the list) lies upon, else 0. [B,K,2], [B,K] -> [B,K]."""
    between = torch.linalg.vector_norm(centre[:, :, None] - centre[:, None], dim=-1)
    largest = torch.maximum(size[:, :, None], size[:, None])
    upon = (between < same_face * largest).to(size.dtype)
    return 1 - torch.tril(upon, diagonal=-1).amax(dim=2)
