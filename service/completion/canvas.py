"""The picture while it is being completed: its hole is emptied first, then one share after the other is filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.completion.alignment import cut
from service.completion.pipelines.protocol import Completion, FaceFrame
from service.completion.shares import Division, Share, Target
from service.imaging.arrays import Alpha, Hole, Points, Rgb, Size, size_of
from service.imaging.compose import Blend, compose
from service.imaging.geometry import FRAME_PIXELS
from service.imaging.grain import add_grain, grain_of
from service.imaging.holes import Region, bounds
from service.imaging.seam import RING_PIXELS

EMPTY = 128  # of every channel, in the hole; nothing may depend on it
OPAQUE = 255


@dataclass
class Canvas:
    """The picture while it is being completed. Filling changes the pixels, never the hole."""

    rgb: Rgb  # [H,W,3]
    alpha: Alpha | None  # [H,W], opaque in the hole
    hole: Hole  # [H,W], what the caller has marked

    @classmethod
    def emptied(cls, rgb: Rgb, alpha: Alpha | None, hole: Hole) -> Canvas:
        """What the upload holds under the mask ends here: nobody behind this line sees it."""
        region = bounds(hole)
        if region is None:
            return cls(rgb, alpha, hole)
        missing = hole[region.slices] > 0
        rgb = rgb.copy()
        np.copyto(rgb[region.slices], np.uint8(EMPTY), where=missing[..., None])
        if alpha is not None:
            alpha = alpha.copy()
            alpha[region.slices][missing] = OPAQUE
        return cls(rgb, alpha, hole)

    @property
    def size(self) -> Size:
        return size_of(self.hole)


def frame_of(canvas: Canvas, target: Target) -> FaceFrame:
    """What a network sees, with all of the hole: it would take a filled background for the truth."""
    frame = cut(canvas.rgb, canvas.hole, target.transform)
    landmarks: Points | None = None if target.landmarks is None else target.transform.to_frame(target.landmarks)
    return FaceFrame(frame.image, frame.hole, landmarks)


def settle(
    canvas: Canvas, division: Division, completions: Sequence[Completion], blend: Blend, feather_pixels: int
) -> None:
    """Paste every completion back into its share of the hole. Nothing outside the hole changes.

    feather_pixels are those of a frame of 256 pixels: a larger face has a wider seam.
    """
    rgb = canvas.rgb.copy()
    for share, completion in zip(division.shares, completions, strict=True):
        near = share.region.grown(RING_PIXELS, canvas.size)
        fitted = _fitted(canvas, share, completion, near, blend, feather_pixels)
        _lay_over(rgb[share.region.slices], fitted[share.region.within(near).slices], share.opacity)
    canvas.rgb = rgb


def _fitted(
    canvas: Canvas, share: Share, completion: Completion, near: Region, blend: Blend, feather_pixels: int
) -> Rgb:
    """The rectangle `near` with the share's pixels filled: in the picture's tint, without a seam, with its grain."""
    transform = share.target.transform
    raw = completion.raw if share.tint is None else share.tint.applied(completion.raw)
    painted, coverage = transform.paste(raw, canvas.size, within=near)
    comparable = coverage[near.slices] * (1 - canvas.hole[near.slices])
    mine = np.zeros((near.height, near.width), np.uint8)
    mine[share.region.within(near).slices] = share.opacity > 0
    width_pixels = round(feather_pixels * transform.side_pixels / FRAME_PIXELS)
    completed = compose(canvas.rgb[near.slices], painted[near.slices], mine, blend, width_pixels, comparable=comparable)
    if share.grain is not None:
        add_grain(completed, mine, share.grain.beyond(grain_of(completed, mine)))
    return completed


def _lay_over(rgb: Rgb, painting: Rgb, opacity: Hole) -> None:
    """In place: the painting where it is opaque, a mixture where it is not wholly so."""
    np.copyto(rgb, painting, where=(opacity == OPAQUE)[..., None])
    soft = (opacity > 0) & (opacity < OPAQUE)
    share = opacity[soft].astype(np.float32)[:, None] / OPAQUE
    rgb[soft] = np.rint(rgb[soft] * (1 - share) + painting[soft] * share).astype(np.uint8)
