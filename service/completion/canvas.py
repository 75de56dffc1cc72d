"""The picture that is completed: its hole is emptied first, then paintings and the background are laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.completion.alignment import cut
from service.completion.pipelines.protocol import Completion, FaceFrame
from service.completion.shares import FULL, Share, Target
from service.imaging.arrays import Alpha, Hole, Points, Rgb, Size, size_of
from service.imaging.cast import without_cast
from service.imaging.compose import Blend, compose
from service.imaging.geometry import FRAME_PIXELS
from service.imaging.grain import add_grain, grain_of
from service.imaging.halves import halved
from service.imaging.holes import bounds
from service.imaging.lattice import without_lattice
from service.imaging.levelling import levelled
from service.imaging.lips import reddened
from service.imaging.mirror import lend, mirror_of, wanted
from service.imaging.seam import RING_PIXELS
from service.imaging.skin import evened
from service.imaging.symmetry import paired

LARGE = 0.6  # frame pixels for one of the canvas: below that an outline of the frame's pixels would be seen
MARGIN_PIXELS = 32  # around a frame: so far its warp and its seam read
EMPTY = 128  # of every channel, in the hole; nothing may depend on it


@dataclass(frozen=True)
class Canvas:
    """The picture to complete."""

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
            alpha[region.slices][missing] = FULL
        return cls(rgb, alpha, hole)

    @property
    def size(self) -> Size:
        return size_of(self.hole)


def mirrored(canvas: Canvas, target: Target) -> Canvas:
    """The canvas as a face's network sees it: what is missing beside the head is taken from its other side, if known.

    What was taken is no hole there. Where nothing was, it is the canvas itself; else only the frame's surroundings are
    copied, and the rest is empty.
    """
    landmarks = target.landmarks_in_frame()
    region = target.transform.region(canvas.size)
    if landmarks is None or region is None or target.fills_frame:
        return canvas
    mirror = mirror_of(target.transform.to_canvas(landmarks))
    if mirror is None or not (beside := wanted(target.transform.warp_hole(canvas.hole), landmarks)).any():
        return canvas
    among = target.transform.paste_ids(beside, region) & canvas.hole[region.slices]
    if not among.any():
        return canvas
    picture, lent = lend(canvas.rgb, canvas.hole, mirror, among, region)
    near = region.grown(MARGIN_PIXELS, canvas.size)
    rgb, hole = np.zeros(canvas.rgb.shape, np.uint8), np.zeros(canvas.size, np.uint8)  # untouched, they take no memory
    rgb[near.slices], hole[near.slices] = canvas.rgb[near.slices], canvas.hole[near.slices]
    rgb[region.slices] = picture
    hole[region.slices] &= 1 - lent
    return replace(canvas, rgb=rgb, hole=hole)


def frame_of(canvas: Canvas, target: Target) -> FaceFrame:
    """What a network sees, with all of the hole: it would take a filled background for the truth."""
    frame = cut(canvas.rgb, canvas.hole, target.transform)
    landmarks: Points | None = None if target.landmarks is None else target.transform.to_frame(target.landmarks)
    return FaceFrame(frame.image, frame.hole, landmarks)


def paint(
    canvases: Sequence[Canvas],
    shares: Sequence[Share],
    frames: Sequence[FaceFrame],
    completions: Sequence[Completion],
    blend: Blend,
    feather_pixels: int,
) -> list[Rgb]:
    """Each share's rectangle as its completion has it: in the picture's tint, without a seam, with its grain.

    canvases and frames are what the networks saw, one for each share. feather_pixels are those of a frame of 256
    pixels: a larger face has a wider seam.
    """
    return [
        _painting(canvas, share, frame, completion, blend, feather_pixels)
        for canvas, share, frame, completion in zip(canvases, shares, frames, completions, strict=True)
    ]


def lay(rgb: Rgb, shares: Sequence[Share], paintings: Sequence[Rgb], *, cores_only: bool = False) -> Rgb:
    """A copy with all paintings laid over it, by their opacity; of the cores only where they are opaque."""
    laid = rgb.copy()
    for share, painting in zip(shares, paintings, strict=True):
        part = laid[share.region.slices]
        np.copyto(part, painting, where=(share.opacity == FULL)[..., None])
        if not cores_only:
            soft = (share.opacity > 0) & (share.opacity < FULL)
            weight = share.opacity[soft].astype(np.float32)[:, None] / FULL
            part[soft] = np.rint(part[soft] * (1 - weight) + painting[soft] * weight).astype(np.uint8)
    return laid


def _painting(
    canvas: Canvas, share: Share, frame: FaceFrame, completion: Completion, blend: Blend, feather_pixels: int
) -> Rgb:
    transform, near = share.target.transform, share.region.grown(RING_PIXELS, canvas.size)
    raw = completion.raw if share.tint is None else share.tint.applied(completion.raw)
    if blend != "none":
        raw = without_cast(without_lattice(raw, frame.hole), frame.image, frame.hole)
        seen = share.target.landmarks_in_frame() if completion.landmarks is None else completion.landmarks
        if seen is not None and share.tint is None:
            raw = reddened(evened(raw, frame.image, frame.hole, seen), frame.image, frame.hole, seen)
        if seen is not None:
            raw = paired(halved(raw, frame.image, frame.hole, seen), frame.image, frame.hole, seen)
        raw = levelled(raw, frame.image, frame.hole) if transform.scale < LARGE else raw
    painted, coverage = transform.paste(raw, canvas.size, within=near)
    comparable = coverage[near.slices] * (1 - canvas.hole[near.slices])
    inner = share.region.within(near).slices
    mine = np.zeros((near.height, near.width), np.uint8)
    mine[inner] = (share.opacity > 0) & (canvas.hole[share.region.slices] > 0)
    width_pixels = round(feather_pixels * transform.side_pixels / FRAME_PIXELS)
    completed = compose(canvas.rgb[near.slices], painted[near.slices], mine, blend, width_pixels, comparable=comparable)
    if share.grain is not None:
        add_grain(completed, mine, share.grain.beyond(grain_of(completed, mine)))
    return completed[inner]
