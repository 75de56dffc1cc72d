"""Painted skin has the colours of the face's own skin: no violet noses, orange cheeks or grey faces.

A network that is unsure paints the mean of many skins in many lights, in patches. Of one face in one picture the colour
of skin is nearly a function of its lightness. So that function is measured on the skin that is known, and what lies
further from it than most known skin comes nearer. Light and shade stay as painted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from service.imaging.arrays import Floats, Hole, Points, Rgb, Size, assert_plane, assert_rgb, size_of
from service.imaging.blur import blurred
from service.imaging.geometry import LEFT_EYE, OUTER_LIPS, RIGHT_EYE, mouth_width
from service.imaging.holes import bounds
from service.imaging.lab import from_lab, to_lab
from service.imaging.outlines import Mask, grown, hull

JAW_AND_BROWS = slice(0, 27)  # of the 68 landmarks; skin lies between them
BROWS, BELOW_NOSE = slice(17, 27), 33
NO_SKIN = (slice(17, 22), slice(22, 27), LEFT_EYE, RIGHT_EYE, OUTER_LIPS)  # brows, eyes, lips
# Lengths are in widths of the mouth.
AROUND, SOFT = 0.05, 0.08  # what else belongs to brows, eyes and lips, and how skin fades out
ALIKE = 20.0  # L* from the median up to which known skin counts: hair and shadow do not
STEEPEST = 0.5  # a* or b* for one L*
LITTLE_SHADE = 2.0  # L*: skin whose lightness hardly varies more says little about slopes
SPREADS, LEAST_SPREAD = 1.2, 2.0  # how far skin may lie from it: in median differences of known skin; a*, b*
DARKER, LIGHTER = 25.0, 15.0  # L* from the median over which the function goes on
SKIN_TO, HAIR_FROM = 35.0, 60.0  # L* below the median: up to here it is skin, from there on hair
OTHER_FROM, OTHER = 20.0, 35.0  # a*b*: what lies so far from the function may be, and is, no skin at all
WHOLLY = 0.9  # from here on a pixel counts as skin when it is measured
ENOUGH = 0.07  # share of the face's skin that has to be known not to look at the forehead, too
FOREHEAD = 0.6  # how far that reaches above the brows, in distances of the brows and the nose's lower end
# Of skin above the brows: L* beside that of the painted skin's, a*, b*.
LEAST_ALIKE, MOST_ALIKE = np.array([-30, 5, -2], np.float32), np.array([30, 35, 40], np.float32)
LEAST_PIXELS = 100  # of known skin; where there is less, painted skin is measured


@dataclass(frozen=True)
class Skin:
    """What colour skin has, by its lightness."""

    median: Floats  # L*a*b*
    slopes: Floats  # [2] of a* and b*, for one L*
    spreads: Floats  # [2]

    def evened(self, colours: Floats) -> Floats:
        """[h,w,2] what is to be added to a* and b* of colours [h,w,3]."""
        lighter = np.clip(colours[..., :1] - self.median[0], -DARKER, LIGHTER)
        off = colours[..., 1:] - self.median[1:] - lighter * self.slopes
        far = np.hypot(off[..., 0], off[..., 1])
        weight = _falling(far, OTHER_FROM, OTHER) * _falling(self.median[0] - colours[..., 0], SKIN_TO, HAIR_FROM)
        return np.asarray(weight[..., None] * (np.clip(off, -self.spreads, self.spreads) - off), np.float32)


def evened(raw: Rgb, image: Rgb, hole: Hole, landmarks: Points) -> Rgb:
    """The painting with its skin evened inside the hole; of one frame, [F,F,3] and [F,F], [68,2] pixels."""
    assert_rgb(raw)
    assert_rgb(image, size_of(raw))
    assert_plane(hole, size_of(raw))
    soft = _soft_skin(landmarks[JAW_AND_BROWS], landmarks, size_of(hole))
    region = bounds(((soft > 0) & (hole > 0)).astype(np.uint8))
    if region is None:
        return raw
    colours, weight = to_lab(raw[region.slices]), soft[region.slices] * (hole[region.slices] > 0)
    skin = measured(_known(image, hole, landmarks, soft, colours[weight > 0]))
    colours[..., 1:] += weight[..., None] * skin.evened(colours)
    mended = raw.copy()
    mended[region.slices] = np.where(weight[..., None] > 0, from_lab(colours), raw[region.slices])
    return mended


def _known(image: Rgb, hole: Hole, landmarks: Points, soft: Floats, painted: Floats) -> Floats:
    """[n,3] colours of the face's known skin, L*a*b*; the painted one's where there is too little.

    Where much of the face is hidden, what has the colour of skin above its brows counts too: it may as well be hair.
    """
    wholly = soft > WHOLLY
    seen = _lab_of(image[wholly & (hole == 0)])
    if len(seen) < ENOUGH * np.count_nonzero(wholly):
        above = (landmarks[BROWS].mean(axis=0) - landmarks[BELOW_NOSE]) * FOREHEAD
        outline = np.concatenate((landmarks[JAW_AND_BROWS], landmarks[BROWS] + above))
        more = _lab_of(image[(_soft_skin(outline, landmarks, size_of(hole)) > WHOLLY) & ~wholly & (hole == 0)])
        middle = np.array([float(np.median(painted[:, 0])), 0, 0], np.float32)
        alike = ((more - middle >= LEAST_ALIKE) & (more - middle <= MOST_ALIKE)).all(axis=1)
        seen = np.concatenate((seen, more[alike]))
    return seen if len(seen) >= LEAST_PIXELS else painted


def _lab_of(pixels: Rgb) -> Floats:
    """[n,3] of [n,3]"""
    return to_lab(pixels[None])[0] if len(pixels) else np.empty((0, 3), np.float32)


def measured(colours: Floats) -> Skin:
    """What some pixels [n,3], L*a*b*, say of skin."""
    middle = np.quantile(colours, 0.5, axis=0, method="lower")  # as light as some of them, also of black and white ones
    beside = colours[np.abs(colours[:, 0] - middle[0]) < ALIKE] - middle
    lightness, chroma = beside[:, :1], beside[:, 1:]
    slopes = (lightness * chroma).mean(axis=0) / (float((lightness**2).mean()) + LITTLE_SHADE**2)
    slopes = np.clip(slopes, -STEEPEST, STEEPEST)
    spreads = SPREADS * np.median(np.abs(chroma - lightness * slopes), axis=0)
    return Skin(middle, slopes, np.maximum(spreads, LEAST_SPREAD))


def _soft_skin(outline: Points, landmarks: Points, size: Size) -> Floats:
    """[F,F] how far each pixel lies where skin is within an outline [n,2], 0..1."""
    width = mouth_width(landmarks)
    skin: Mask = hull(outline, size)
    for part in NO_SKIN:
        skin &= 1 - grown(hull(landmarks[part], size), AROUND * width)
    return blurred(skin, SOFT * width)


def _falling(values: Floats, start: float, end: float) -> Floats:
    """1 up to the start, 0 from the end on."""
    return np.asarray(np.clip((end - values) / (end - start), 0, 1), np.float32)
