"""What each discriminator is shown (section 3.2, Figure 4): the picture, the hole, its quarters, four facial parts.

Sizes are for a frame of 256 px and grow with the frame. Boxes are [B,4] int64: top, left, bottom, right.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.data.landmarks import LEFT_EYE, MOUTH, NOSE, RIGHT_EYE

FRAME_PIXELS = 256
LOCAL_PIXELS = 128  # around the hole's middle: the largest hole; for irregular holes around the frame's middle
ORGANS = {  # landmarks, and height and width of the box around their middle
    "left_eye": (LEFT_EYE, 48, 64),
    "right_eye": (RIGHT_EYE, 48, 64),
    "nose": (NOSE, 64, 64),
    "mouth": (MOUTH, 48, 80),
}
TWO = ("global", "local")
SEVEN = (*TWO, "quarters", *ORGANS)


def organ_boxes(name: str, landmarks: Tensor, frame_pixels: int) -> Tensor:
    """A facial part's box of fixed size around the middle of its landmarks [B,68,2], inside the frame."""
    points, height, width = ORGANS[name]
    found = landmarks[:, list(points)]
    middles = (found.amin(dim=1) + found.amax(dim=1)).flip(1) / 2  # (y, x)
    return boxes(middles, height, width, frame_pixels)


def local_boxes(hole: Tensor, *, central: bool) -> Tensor:
    """The box around the middle of each hole [B,1,H,W], or around the frame's; without a hole it is the frame's."""
    side = hole.shape[2]
    middles = torch.full((len(hole), 2), side / 2, device=hole.device)
    if not central:
        middles = torch.stack([middle(missing.amax(dim=axis)) for missing in hole[:, 0] for axis in (1, 0)])
        middles = middles.unflatten(0, (-1, 2))
    return boxes(middles, LOCAL_PIXELS, LOCAL_PIXELS, side)


def middle(missing: Tensor) -> Tensor:
    """Of the rows or columns [n] of a hole; n/2 where there is none."""
    places = missing.nonzero()
    if len(places) == 0:
        return torch.tensor(len(missing) / 2, device=missing.device)
    return (places[0, 0] + places[-1, 0] + 1) / 2


def boxes(middles: Tensor, height: int, width: int, frame_pixels: int) -> Tensor:
    """Boxes of one size around middles [B,2] (y, x), moved to lie inside the frame."""
    size = torch.tensor((height, width), device=middles.device) * frame_pixels // FRAME_PIXELS
    starts = torch.minimum((middles - size / 2).round().long().clamp(min=0), frame_pixels - size)
    return torch.cat((starts, starts + size), dim=1)


def cut(image: Tensor, boxes: Tensor) -> Tensor:
    """The boxes [B,4] of [B,C,H,W], which have one size: [B,C,h,w]."""
    return torch.stack(
        [
            picture[:, top:bottom, left:right]
            for picture, (top, left, bottom, right) in zip(image, boxes.tolist(), strict=True)
        ]
    )


def quarters(image: Tensor) -> Tensor:
    """[B,C,h,w] -> [4B,C,h/2,w/2]: four equal parts without overlap, those of one picture in a row."""
    height, width = image.shape[2] // 2, image.shape[3] // 2
    parts = image.unfold(2, height, height).unfold(3, width, width)  # [B,C,2,2,h/2,w/2]
    return parts.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)


def shown(name: str, image: Tensor, hole: Tensor, landmarks: Tensor, *, central: bool) -> Tensor:
    """C_i of Eq. 8: what discriminator `name` sees of [B,3,H,W]; of the quarters four for each picture."""
    if name == "global":
        return image
    if name in ORGANS:
        return cut(image, organ_boxes(name, landmarks, image.shape[2]))
    local = cut(image, local_boxes(hole, central=central))
    return quarters(local) if name == "quarters" else local
