"""The picture while it is being completed: which frame fills which part of the hole, and how it is pasted back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.completion.alignment import cut
from service.completion.pipelines.protocol import Completion, FaceFrame
from service.completion.plan import NOBODY, owners
from service.imaging.arrays import Alpha, Hole, Points, Rgb, Size, size_of
from service.imaging.compose import Blend, compose
from service.imaging.geometry import FrameTransform
from service.imaging.holes import bounds
from service.imaging.seam import RING_PIXELS


@dataclass
class Canvas:
    """The picture while it is being completed: what a fill settles leaves the hole."""

    rgb: Rgb  # [H,W,3]
    alpha: Alpha | None  # [H,W]
    hole: Hole  # [H,W], what is still missing

    @property
    def size(self) -> Size:
        return size_of(self.hole)


@dataclass(frozen=True)
class Target:
    """A frame to fill: a face's, or a square's around a hole without a face."""

    transform: FrameTransform
    box: tuple[float, float, float, float] | None = None  # None: not a face
    landmarks: Points | None = None  # [68,2] canvas pixels to obey; None: the pipeline predicts its own
    seen: Points | None = None  # [68,2] canvas pixels that the frame was made from


@dataclass(frozen=True)
class Share:
    """A target with the part of the hole that it fills, and the frame that the network sees."""

    target: Target
    hole: Hole  # [H,W]
    frame: FaceFrame


def reaches_beyond(hole: Hole, transform: FrameTransform) -> bool:
    """Whether hole pixels lie outside a frame."""
    region = bounds(hole)
    assert region is not None, "an empty hole was refused when it was decoded"
    outside = owners([transform], region) == NOBODY
    return bool((hole[region.slices] * outside).any())


def cut_shares(canvas: Canvas, targets: Sequence[Target]) -> list[Share]:
    """Divide the hole among the targets, each pixel to the nearest; targets that get none are left out."""
    region = bounds(canvas.hole)
    if region is None or not targets:
        return []
    owned = owners([target.transform for target in targets], region)
    shares = []
    for index, target in enumerate(targets):
        hole = np.zeros_like(canvas.hole)
        hole[region.slices] = canvas.hole[region.slices] * (owned == index)
        if hole.any():
            shares.append(Share(target, hole, _frame(canvas, target)))
    return shares


def _frame(canvas: Canvas, target: Target) -> FaceFrame:
    frame = cut(canvas.rgb, canvas.hole, target.transform)
    if target.landmarks is None:
        return frame
    return FaceFrame(frame.image, frame.hole, target.transform.to_frame(target.landmarks))


def settle(
    canvas: Canvas, shares: Sequence[Share], completions: Sequence[Completion], blend: Blend, feather_pixels: int
) -> None:
    """Paste every completion back into its share of the hole. Nothing outside the hole changes."""
    rgb = canvas.rgb.copy()
    hole = canvas.hole.copy()
    for share, completion in zip(shares, completions, strict=True):
        region = bounds(share.hole)
        assert region is not None
        near = region.grown(RING_PIXELS, canvas.size)
        painted, coverage = share.target.transform.paste(completion.raw, canvas.size, within=near)
        comparable = coverage[near.slices] * (1 - canvas.hole[near.slices])
        mine = share.hole[near.slices]
        completed = compose(
            canvas.rgb[near.slices], painted[near.slices], mine, blend, feather_pixels, comparable=comparable
        )
        np.copyto(rgb[near.slices], completed, where=mine[..., None] > 0)
        hole[near.slices] &= 1 - mine
    canvas.rgb, canvas.hole = rgb, hole
