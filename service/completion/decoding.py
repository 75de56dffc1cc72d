"""The files of a request become what is worked on."""

from __future__ import annotations

import numpy as np

from service.completion.canvas import Canvas
from service.completion.messages import InpaintRequest, LandmarksRequest
from service.imaging.arrays import Hole, Rgb
from service.imaging.decode import ImageLimits, decode_image, decode_mask


def decode_canvas(request: InpaintRequest | LandmarksRequest, limits: ImageLimits) -> Canvas:
    """The picture upright, and the hole; without a mask nothing is missing."""
    picture = decode_image(request.image, limits)
    if request.mask is None:
        return Canvas(picture.rgb, picture.alpha, np.zeros(picture.size, np.uint8))
    hole = decode_mask(
        request.mask,
        limits,
        mode=request.mask_mode,
        invert=request.mask_invert,
        dilate_pixels=request.mask_dilate_pixels,
        size=picture.size,
    )
    return Canvas.emptied(picture.rgb, picture.alpha, hole)


def decode_reference(reference: bytes, limits: ImageLimits) -> Rgb:
    """The picture that guides, upright, [H,W,3]. Raises as for any picture."""
    return decode_image(reference, limits).rgb


def missing_share(hole: Hole) -> float:
    """0..1 of the picture."""
    return float(hole.mean())
