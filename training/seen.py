"""Networks that see pictures at a side of their own, whatever the frame they are served in. Their snapshots say which.

A convolutional network that learned on small frames paints small faces: in a frame twice as large it finds none of the
sizes that it knows. So it is shown the frame at the side it learned on, and what it paints is enlarged again.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from training.masking import mask_image

PIXELS = "seen_pixels"  # an entry of a snapshot: the side; 0 or no entry: pictures are seen as they come


def with_pixels(state: Mapping[str, Tensor], pixels: int) -> dict[str, Tensor]:
    """The state with the side, if there is one."""
    return {**state, PIXELS: torch.tensor(pixels)} if pixels else dict(state)


def pixels_in(state: Mapping[str, Tensor]) -> int:
    """The side in a snapshot."""
    stored = state.get(PIXELS, torch.tensor(0))
    return int(stored) if stored.ndim == 0 else 0


def without_pixels(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The snapshot without the side."""
    return {key: tensor for key, tensor in state.items() if key != PIXELS}


def weights_at(state: Mapping[str, Tensor], pixels: int) -> dict[str, Tensor]:
    """The weights of a snapshot that says the same side. RuntimeError if it says another."""
    if (side := pixels_in(state)) != pixels:
        raise RuntimeError(f"it sees pictures at {side} px, not at {pixels}")
    return without_pixels(state)


def seen_at(image: Tensor, pixels: int) -> Tensor:
    """The square picture at this side, each pixel the mean of what it covers; 0 = as it is."""
    if pixels == 0 or (image.shape[2] == pixels and image.shape[3] == pixels):
        return image
    return F.adaptive_avg_pool2d(image, pixels)


def hole_at(hole: Tensor, pixels: int) -> Tensor:
    """The hole at this side: missing where any pixel under it is, so that nothing of the hole is seen; 0 = as it is."""
    if pixels == 0 or (hole.shape[2] == pixels and hole.shape[3] == pixels):
        return hole
    return F.adaptive_max_pool2d(hole, pixels)


def known_at(image: Tensor, hole: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """What is known of pictures [B,3,F,F] in [0,1] at this side, 0 in the hole, and the hole [B,1,F,F] at it."""
    missing = hole_at(hole, pixels)
    return mask_image(seen_at(mask_image(image, hole, 0.0), pixels), missing, 0.0), missing


def enlarged(raw: Tensor, side: int) -> Tensor:
    """What was painted, [B,3,h,h] in [0,1], in a frame of this side, by bicubic interpolation."""
    if raw.shape[2] == side:
        return raw
    return F.interpolate(raw, size=[side, side], mode="bicubic", align_corners=False).clamp(0.0, 1.0)
