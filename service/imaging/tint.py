"""Keeps a picture of one tint as it is: a grey one grey, a sepia one sepia. Networks know colour photographs alone.

In such a picture the colour is a function of the lightness. That function is measured on the known pixels, and painted
colours are replaced by what it says for their lightness.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from service.imaging.arrays import Floats, Hole, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.holes import Region
from service.imaging.warp import block_maxima, block_means

MOST_SAMPLED = 40_000  # squares that are looked at
LEAST_SQUARE_PIXELS = 4  # their side
OFF_LEVELS, OFF_QUANTILE = 5.0, 0.98  # so many squares lie at most so far from the tint
GREY_LEVELS = 4.0  # largest difference of two channels in what passes as grey
SMOOTHING_LEVELS = 4.0  # of lightness, over which the tint is averaged


@dataclass(frozen=True)
class Tint:
    """The colour for each lightness."""

    colours: Floats  # [256,3]

    def applied(self, painted: Rgb) -> Rgb:
        """[h,w,3] with the lightness as painted and the colour of the tint."""
        assert_rgb(painted)
        levels = np.clip(np.rint(self.colours), 0, 255).astype(np.uint8)
        return np.asarray(levels[_lightness(painted)], dtype=np.uint8)


def tint_of(rgb: Rgb, hole: Hole, near: Region) -> Tint | None:
    """The tint of what is known: of the whole picture, or of the rectangle `near` if that is grey. None: in colour.

    A grey face on a coloured page is grey. But a part of a colour photograph may well have one tint, skin for instance;
    so a tint that is not grey is believed only when all of the picture has it.
    """
    assert_rgb(rgb)
    assert_plane(hole, size_of(rgb))
    close = _sampled(rgb[near.slices], hole[near.slices])
    if len(close) and _off(close, np.repeat(_lightness(close[None])[0][:, None], 3, axis=1)) <= GREY_LEVELS:
        return _measured(close)
    everywhere = _sampled(rgb, hole)
    if not len(everywhere):
        return None
    tint = _measured(everywhere)
    return tint if all(_off(seen, tint.applied(seen[None])[0]) <= OFF_LEVELS for seen in (close, everywhere)) else None


def _sampled(rgb: Rgb, hole: Hole) -> Rgb:
    """[n,3]: means of known squares; JPEG leaves no exact tint in a single pixel."""
    side = max(LEAST_SQUARE_PIXELS, int(np.sqrt(hole.size / MOST_SAMPLED)))
    return np.asarray(block_means(rgb, side)[block_maxima(hole, side) == 0], dtype=np.uint8)


def _off(pixels: Rgb, wanted: Rgb) -> float:
    """How far nearly all pixels [n,3] are at most from what is wanted, in the worst channel."""
    if not len(pixels):
        return 0.0
    return float(np.quantile(np.abs(pixels.astype(np.int16) - wanted).max(axis=1), OFF_QUANTILE))


def _measured(pixels: Rgb) -> Tint:
    """The mean colour of every lightness, minus the lightness, smoothed; constant beyond the darkest and lightest."""
    lightness = _lightness(pixels[None])[0]
    counts = np.bincount(lightness, minlength=256).astype(np.float32)
    chroma = pixels.astype(np.float32) - lightness[:, None]
    sums = [np.bincount(lightness, weights=chroma[:, channel], minlength=256) for channel in range(3)]
    stacked = np.stack([*sums, counts], axis=1).astype(np.float32)
    smooth = cv2.GaussianBlur(stacked, (1, 0), sigmaX=1e-6, sigmaY=SMOOTHING_LEVELS)
    seen = np.flatnonzero(smooth[:, 3] > 1e-3)
    means = smooth[seen, :3] / smooth[seen, 3:]
    levels = np.arange(256)
    offsets = np.stack([np.interp(levels, seen, means[:, channel]) for channel in range(3)], axis=1)
    return Tint(np.asarray(levels[:, None] + offsets, dtype=np.float32))


def _lightness(rgb: Rgb) -> Rgb:
    """[h,w]"""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
