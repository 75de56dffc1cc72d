"""Canvas + painted picture -> completed picture. Outside the hole nothing changes, whatever the blend.

What a network paints rarely meets the canvas exactly: a little lighter, a little warmer. Inside the hole there is no
original to mix with. So both blends measure the mismatch where both pictures are known and carry it inwards:

"feather": fades out over feather_pixels, so that the middle of the hole stays as the network painted it.
"poisson": harmonic over the whole hole (clone.py; the seamless clone of Perez, Gangnet, Blake 2003: equal gradients
           inside, equal colours at the edge).
"none":    no correction; a plain paste.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from service.imaging.arrays import Hole, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.clone import clone
from service.imaging.feather import Feather
from service.imaging.holes import bounds
from service.imaging.seam import RING_PIXELS

Blend = Literal["feather", "poisson", "none"]


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
    The work is that of the hole's bounds, not of the canvas; of "feather" that of the seam.
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
    known = None if comparable is None else comparable[near]
    if blend == "feather" and feather_pixels > 0:
        Feather(canvas[near], painted[near], hole[near], known, feather_pixels).paint(completed[near])
    elif blend == "poisson":
        clone(canvas[near], painted[near], hole[near], known, completed[near])
    else:
        np.copyto(completed[near], painted[near], where=hole[near][..., None] > 0)
    return completed
