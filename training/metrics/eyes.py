"""How alike the two eyes of a face are: the colour of their irises, and how far they are open.

That both eyes fit each other is what DSA (Zhou et al. 2020, Figures 1 and 6) claims of its attention.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.data.landmarks import LEFT_EYE, RIGHT_EYE

IRIS_RADIUS = 0.17  # of an eye's width: inside of every iris, even of a squinting eye
GREYS = 255


def iris_difference(picture: Tensor, landmarks: Tensor) -> Tensor:
    """Mean absolute difference of the two irises' mean colours, in grey levels of 255: [B].

    picture [B,3,H,W] in [0,1]; landmarks [B,68,2], where the eyes truly are, in pixels of the picture.
    """
    left, right = (iris_colour(picture, landmarks[:, list(eye)]) for eye in (LEFT_EYE, RIGHT_EYE))
    return GREYS * (left - right).abs().mean(dim=1)


def iris_colour(picture: Tensor, eye: Tensor) -> Tensor:
    """The mean colour [B,3] of a disc around the middle of an eye's six points [B,6,2]; at least one pixel."""
    height, width = picture.shape[2:]
    middle, radius = eye.mean(dim=1), (IRIS_RADIUS * eye_width(eye)).clamp(min=0.75)
    y, x = torch.meshgrid(
        torch.arange(height, device=eye.device), torch.arange(width, device=eye.device), indexing="ij"
    )
    away = (x - middle[:, 0, None, None]).square() + (y - middle[:, 1, None, None]).square()
    disc = (away <= radius[:, None, None].square()).to(picture.dtype)[:, None]
    return (picture * disc).sum(dim=(2, 3)) / disc.sum(dim=(2, 3)).clamp(min=1)


def opening_difference(landmarks: Tensor) -> Tensor:
    """How much further one eye is open than the other, in percent of an eye's width: [B]. landmarks [B,68,2]."""
    left, right = (opening(landmarks[:, list(eye)]) for eye in (LEFT_EYE, RIGHT_EYE))
    return 100 * (left - right).abs()


def opening(eye: Tensor) -> Tensor:
    """Between the lids, in widths of the eye: [B]. Its six points [B,6,2] go round from one corner."""
    lids = (eye[:, 1] - eye[:, 5]).norm(dim=1) + (eye[:, 2] - eye[:, 4]).norm(dim=1)
    return lids / 2 / eye_width(eye)


def eye_width(eye: Tensor) -> Tensor:
    """From corner to corner, in pixels: [B]."""
    return (eye[:, 0] - eye[:, 3]).norm(dim=1).clamp(min=1e-6)
