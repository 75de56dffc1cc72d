"""Canvas + painted picture -> completed picture. Outside the hole nothing changes, whatever the blend.

What a network paints rarely meets the canvas exactly: a little lighter, a little warmer. Inside the hole there is no
original to mix with. So both blends measure the mismatch where both pictures are known and carry it inwards:

"feather": fades out over feather_pixels, so that the middle of the hole stays as the network painted it.
"poisson": harmonic over the whole hole (the seamless clone of Perez, Gangnet, Blake 2003; equal gradients inside,
           equal colours at the edge).
"none":    no correction; a plain paste.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.holes import bounds
from service.imaging.membrane import fill_smoothly, solve_laplace

Blend = Literal["feather", "poisson", "none"]

RING_PIXELS = 3  # width of the band outside the hole where the mismatch is measured


def compose(
    canvas: Rgb,
    painted: Rgb,
    hole: Hole,
    blend: Blend = "feather",
    feather_pixels: int = 16,
    *,
    comparable: Hole | None = None,
) -> Rgb:
    """Fill the hole of the canvas from the painted picture; both [H,W,3] uint8, hole [H,W] {0,1}.

    comparable is 1 where, outside the hole, both pictures hold the truth: the paste's coverage, less every hole that is
    still to be filled. None means everywhere. Where nothing can be compared, the painted pixels are taken as they are.
    The work is that of the hole's bounds, not of the canvas.
    """
    assert_rgb(canvas)
    assert_rgb(painted, size_of(canvas))
    assert_plane(hole, size_of(canvas))
    assert feather_pixels >= 0
    assert blend in ("feather", "poisson", "none"), blend
    completed = canvas.copy()
    tight = bounds(hole)
    if tight is None:
        return completed
    near = tight.grown(RING_PIXELS, size_of(hole)).slices
    inside = hole[near] > 0
    filling = painted[near]
    if blend != "none" and not (blend == "feather" and feather_pixels == 0):
        ring = _ring(hole[near], None if comparable is None else comparable[near])
        mismatch = _mismatch(canvas[near], filling, ring)
        correction = (
            _faded(mismatch, ring, inside, feather_pixels)
            if blend == "feather"
            else solve_laplace(mismatch, ring, inside)
        )
        filling = np.clip(np.rint(filling + correction), 0, 255).astype(np.uint8)
    np.copyto(completed[near], filling, where=inside[..., None])
    return completed


def _ring(hole: Hole, comparable: Hole | None) -> NDArray[np.bool_]:
    """The known pixels next to the hole."""
    square = np.ones((2 * RING_PIXELS + 1, 2 * RING_PIXELS + 1), np.uint8)
    ring: NDArray[np.bool_] = (cv2.dilate(hole, square) > 0) & (hole == 0)
    return ring if comparable is None else ring & (comparable > 0)


def _mismatch(canvas: Rgb, painted: Rgb, ring: NDArray[np.bool_]) -> Floats:
    """canvas - painted in the ring, 0 elsewhere; [h,w,3] grey levels."""
    difference = canvas.astype(np.float32) - painted
    return np.asarray(difference * ring[..., None], dtype=np.float32)


def _faded(mismatch: Floats, ring: NDArray[np.bool_], inside: NDArray[np.bool_], feather_pixels: int) -> Floats:
    """The mismatch spread inwards, full at the hole's edge, none from feather_pixels on."""
    distance = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
    left = np.clip(1 - distance / feather_pixels, 0, 1)
    weight = left * left * (3 - 2 * left)
    return np.asarray(fill_smoothly(mismatch, ring) * weight[..., None], dtype=np.float32)
