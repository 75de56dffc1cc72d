"""An eye beside one that is seen, half a mouth beside its other half: mirrored, where the network painted a smudge.

Networks that are small paint an eye as the mean of many. Of most faces one side is nearly the mirror of the other, and
people look at eyes and mouths first. So where one of a pair is known and the other is missing, the known one is laid
over the painting, mirrored and moved to the hidden one's landmarks: its detail in the painting's light. Both eyes look
the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from service.imaging.affine import moved, moving
from service.imaging.arrays import Floats, Hole, Points, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.blur import blurred
from service.imaging.cast import LUMA, one_thing
from service.imaging.holes import Region, bounds
from service.imaging.outlines import filled, grown, hull


@dataclass(frozen=True)
class Pair:
    """Of the 68 landmarks those of two parts, each at the place where the other's mirror stands. First both ends."""

    sides: tuple[tuple[int, ...], tuple[int, ...]]
    inner: int  # place of the end that lies nearer to the middle; at place 0 is the outer one
    near: float  # around a part: what has to be known of one and missing of the other, in widths of the part
    most_missing: float  # share of the known one
    eye: int = 0  # so many first places are those of an eye, which looks somewhere


EYES = Pair(
    ((36, 37, 38, 39, 40, 41, 17, 18, 19, 20, 21), (45, 44, 43, 42, 47, 46, 26, 25, 24, 23, 22)),
    inner=3,
    near=0.15,
    most_missing=0.02,
    eye=6,
)
MOUTH = Pair(
    ((48, 49, 50, 51, 57, 58, 59, 60, 61, 62, 66, 67), (54, 53, 52, 51, 57, 56, 55, 64, 63, 62, 66, 65)),
    inner=3,
    near=0.0,  # both meet in the middle
    most_missing=0.15,
)
PAIRS = (EYES, MOUTH)
LEAST_MISSING = 0.25  # share of the hidden one
EYE_WEIGHT = 2.0  # of an eye beside its brow where both are moved
# Lengths are in widths of the part.
REACH, SOFT = 0.3, 0.12  # around it: what is laid over, and how that fades out
LIGHT = 0.35  # over which distance light is compared
TONE, PAINTED = 0.5, 0.1  # over which distance colours are compared, and what painted ones count beside known ones
LEAST_ALIKE = 0.6  # of the other's width: a face from the side has one narrow eye
MOST_OFF = 0.35  # how far landmarks may lie from the other part's, mirrored and moved
MOST_ASIDE = 0.2  # how far an iris is believed to lie beside the eye's middle
LIDS = 0.3  # half of the height over which the iris is shifted
LEAST_WIDTH_PIXELS = 6.0


def paired(raw: Rgb, image: Rgb, hole: Hole, landmarks: Points) -> Rgb:
    """The painting with parts that match the known ones; of one frame, [F,F,3] and [F,F], landmarks [68,2] pixels."""
    assert_rgb(raw)
    assert_rgb(image, size_of(raw))
    assert_plane(hole, size_of(raw))
    for pair in PAIRS:
        for known, hidden in (pair.sides, pair.sides[::-1]):
            here, there = (landmarks[list(side)].astype(np.float32) for side in (known, hidden))
            if _known(pair, hole, here) and _hidden(pair, hole, there) and _alike(pair, here, there):
                raw = _mirrored(raw, image, hole, pair, here, there)
                break
    return raw


def _known(pair: Pair, hole: Hole, part: Floats) -> bool:
    return _inside(part, hole) and _missing(pair, hole, part) <= pair.most_missing


def _hidden(pair: Pair, hole: Hole, part: Floats) -> bool:
    return _inside(part, hole) and _missing(pair, hole, part) >= LEAST_MISSING


def _inside(part: Floats, hole: Hole) -> bool:
    return bool((part >= 0).all() and (part <= np.array(hole.shape[::-1]) - 1).all())


def _missing(pair: Pair, hole: Hole, part: Floats) -> float:
    return float(hole[grown(hull(part, size_of(hole)), pair.near * _width(pair, part)) > 0].mean())


def _alike(pair: Pair, here: Floats, there: Floats) -> bool:
    """Whether one can stand for the other: about as wide, and its landmarks fit."""
    narrow, wide = sorted((_width(pair, here), _width(pair, there)))
    if narrow < max(LEAST_WIDTH_PIXELS, LEAST_ALIKE * wide):
        return False
    matrix = _moving(pair, here, there)
    off = np.linalg.norm(moved(here, matrix) - there, axis=1)
    return bool(np.linalg.det(matrix[:, :2]) < 0 and off.max() < MOST_OFF * wide)


def _mirrored(raw: Rgb, image: Rgb, hole: Hole, pair: Pair, here: Floats, there: Floats) -> Rgb:
    """The painting with the part at `here` laid over the one at `there`."""
    width = _width(pair, there)
    around = grown(hull(there, size_of(hole)), REACH * width)
    region = bounds(around)
    assert region is not None
    region = region.grown(round(2 * TONE * width), size_of(hole))
    part, missing, near = raw[region.slices], hole[region.slices] > 0, around[region.slices].astype(np.float32)
    lent, seen = _seen_in(image, hole, region, pair, here, there)
    other = np.where(missing[..., None], part, image[region.slices]) - lent
    light = _mean(other, near * seen, LIGHT * width) @ LUMA
    tone = _mean(other, np.where(missing, PAINTED, one_thing(other)) * seen, TONE * width)
    lent += light[..., None] + tone - (tone @ LUMA)[..., None]
    weight = (blurred(near, SOFT * width) * missing * seen)[..., None]
    answer = raw.copy()
    answer[region.slices] = np.clip(np.rint(part + weight * (lent - part)), 0, 255)
    return answer


def _mean(values: Floats, weight: Floats, deviation_pixels: float) -> Floats:
    """[h,w,3] the mean around each place."""
    sums = blurred(np.dstack((values * weight[..., None], weight)), deviation_pixels)
    return np.asarray(sums[..., :3] / np.maximum(sums[..., 3:], 1e-3), np.float32)


def _seen_in(image: Rgb, hole: Hole, region: Region, pair: Pair, here: Floats, there: Floats) -> tuple[Floats, Floats]:
    """[h,w,3] the known part as it would look in the region around the hidden one, and [h,w] how far it is known."""
    x, y = np.meshgrid(np.arange(region.x0, region.x1), np.arange(region.y0, region.y1))
    where = moved(np.stack((x, y), axis=-1).astype(np.float32), _moving(pair, there, here))
    if pair.eye:
        where += _straightened(where, image, pair, here)
    columns, rows = where[..., 0], where[..., 1]
    lent = cv2.remap(image.astype(np.float32), columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    seen = cv2.remap(1 - hole.astype(np.float32), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(lent, np.float32), np.asarray(seen, np.float32)


def _straightened(where: Floats, image: Rgb, pair: Pair, here: Floats) -> Floats:
    """[h,w,2] how far beside `where` the known eye is read, so that its mirror looks to the same side as itself."""
    width, middle = _width(pair, here), (here[pair.inner] + here[0]) / 2
    axis = (here[pair.inner] - here[0]) / width
    aside = float(np.clip(((_iris(image, here[: pair.eye]) - middle) @ axis) / width, -MOST_ASIDE, MOST_ASIDE))
    away = (where - middle) / width
    along, across = away @ axis, away @ np.array([-axis[1], axis[0]])
    inside = np.cos(np.clip(along, -0.5, 0.5) * np.pi) ** 2 * np.exp(-((across / LIDS) ** 2))
    return np.asarray(2 * aside * width * inside[..., None] * axis, np.float32)


def _iris(image: Rgb, eye: Floats) -> Floats:
    """Where the darkest half between the lids has its centre, (x, y)."""
    rows, columns = np.nonzero(filled(eye, size_of(image)))
    light = image[rows, columns].astype(np.float32).mean(axis=1)
    dark = np.clip(np.median(light) - light, 0, None) ** 2 + 1e-3
    return np.asarray([columns @ dark, rows @ dark], np.float32) / np.float32(dark.sum())


def _width(pair: Pair, part: Floats) -> float:
    return float(np.linalg.norm(part[0] - part[pair.inner]))


def _moving(pair: Pair, source: Floats, target: Floats) -> Floats:
    """[2,3] the affine matrix that takes one part nearest to the other."""
    weight = np.ones((len(source), 1), np.float32)
    weight[: pair.eye] = EYE_WEIGHT
    return moving(source, target, weight)
