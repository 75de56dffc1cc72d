"""Which pixels of a mask are marked, and what is likely wrong when a mask marks none, or all, or is a photograph."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.errors import BadField, EmptyHole, FullHole
from service.imaging.arrays import Hole

THRESHOLD = 128  # of luminance or alpha: JPEG masks have grey edges
PHOTO_TONES, TONE_SHARE = 6, 0.01  # of 16 levels of lightness: a photograph has so many, each on so many pixels

MaskMode = Literal["luminance", "alpha"]
Marks = NDArray[np.bool_]  # [H,W]


def marked(rgb: Image.Image, alpha: Image.Image | None, mode: MaskMode) -> Marks:
    """luminance: what is white and not transparent. alpha: what is transparent.

    Raises BadField for a mode that does not suit the mask.
    """
    if mode == "alpha":
        return _transparent(alpha)
    lightness = np.asarray(rgb.convert("L"))
    if alpha is None:
        return lightness >= THRESHOLD
    opaque = np.asarray(alpha) >= THRESHOLD
    _refuse_photograph(lightness, opaque)
    return (lightness >= THRESHOLD) & opaque


def refuse_useless(hole: Hole, rgb: Image.Image, alpha: Image.Image | None, mode: MaskMode) -> None:
    """Raises EmptyHole or FullHole: with nothing missing, or nothing known, there is nothing to do."""
    missing = int(np.count_nonzero(hole))
    if missing not in (0, hole.size):
        return
    errors = [{"field": "mask", "actual": missing, "allowed": f"1 to {hole.size - 1} pixels"}]
    hint = _hint(rgb, alpha, mode)
    if missing == 0:
        raise EmptyHole(f"The mask marks no pixel. {hint}", errors=errors)
    raise FullHole(f"The mask marks every pixel: nothing is left to fill it from. {hint}", errors=errors)


def _hint(rgb: Image.Image, alpha: Image.Image | None, mode: MaskMode) -> str:
    if mode == "alpha":
        return f"With mask_mode=alpha an alpha below {THRESHOLD} marks. Did you mean mask_invert?"
    brightest = int(np.asarray(rgb.convert("L")).max())
    if 0 < brightest < THRESHOLD:
        return f"Its brightest value is {brightest}; {THRESHOLD} and more mark, so scale it to 0 and 255."
    if alpha is not None and (np.asarray(alpha) < THRESHOLD).any():
        return "White marks what is to be filled. Did you mean its transparent part, mask_mode=alpha?"
    return "White marks what is to be filled. Did you mean mask_invert?"


def _transparent(alpha: Image.Image | None) -> Marks:
    if alpha is None:
        raise BadField(
            "mask_mode is alpha, but the mask has no transparency.",
            errors=[{"field": "mask_mode", "actual": "alpha", "allowed": "luminance, or a mask with an alpha channel"}],
        )
    return np.asarray(np.asarray(alpha) < THRESHOLD)


def _refuse_photograph(lightness: NDArray[np.uint8], opaque: Marks) -> None:
    """A photograph with a part erased, as other image editing interfaces take it: its bright parts are no mask."""
    if opaque.all():
        return
    tones = np.bincount(lightness[opaque] // 16, minlength=16)
    if np.count_nonzero(tones > TONE_SHARE * tones.sum()) >= PHOTO_TONES:
        raise BadField(
            "The mask is a picture with transparent parts. If these are to be filled, send mask_mode=alpha.",
            errors=[{"field": "mask_mode", "actual": "luminance", "allowed": "alpha, or a mask of black and white"}],
        )
