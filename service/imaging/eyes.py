"""An eye beside one that is seen: its mirror, where the network painted a smudge.

Networks that are small paint an eye as the mean of many. Of most faces one eye is nearly the other's mirror, and people
look at eyes first. So where one eye and its brow are known and the other is missing, the known one is laid over the
painting, mirrored and moved to the hidden one's landmarks: its detail in the painting's light. Both look the same way.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Points, Rgb, Size, assert_plane, assert_rgb, size_of
from service.imaging.holes import Region, bounds

# Eye and brow, of the 68 landmarks, each at the place where the other list has its mirror.
SIDES = (
    (36, 37, 38, 39, 40, 41, 17, 18, 19, 20, 21),
    (45, 44, 43, 42, 47, 46, 26, 25, 24, 23, 22),
)
EYE, EYE_WEIGHT = slice(0, 6), 2.0  # of such a list; what they count beside the brow where both are moved
OUTER, INNER = 0, 3  # corners
MOST_MISSING, LEAST_MISSING = 0.02, 0.25  # of the known eye, and of the hidden one
# Lengths are in widths of an eye.
REACH, NEAR = 0.3, 0.15  # around eye and brow: what is laid over, and what has to be known or missing
SOFT, LIGHT = 0.12, 0.35  # how it fades out, and over which distance light is compared
TONE, PAINTED = 0.5, 0.1  # over which distance colours are compared, and what painted ones count beside known ones
SAME_LEVELS, OTHER_LEVELS = 14.0, 42.0  # up to this difference it is the same thing, from that on another
LEAST_ALIKE = 0.6  # of the other's width: a face from the side has one narrow eye
MOST_OFF = 0.35  # how far landmarks may lie from the other eye's, mirrored and moved
MOST_ASIDE = 0.2  # how far an iris is believed to lie beside the eye's middle
LIDS = 0.3  # half of the height over which the iris is shifted
LEAST_WIDTH_PIXELS = 6.0
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601


def paired(raw: Rgb, image: Rgb, hole: Hole, landmarks: Points) -> Rgb:
    """The painting with an eye that matches the known one; of one frame, [F,F,3] and [F,F], landmarks [68,2] pixels."""
    assert_rgb(raw)
    assert_rgb(image, size_of(raw))
    assert_plane(hole, size_of(raw))
    for known, hidden in (SIDES, SIDES[::-1]):
        here, there = (landmarks[list(side)].astype(np.float32) for side in (known, hidden))
        if _missing(hole, here) <= MOST_MISSING and _missing(hole, there) >= LEAST_MISSING and _alike(here, there):
            return _mirrored(raw, image, hole, here, there)
    return raw


def _missing(hole: Hole, eye: Floats) -> float:
    """The share of an eye and its brow that is missing; half of one that lies beyond the frame: neither one's."""
    if (eye < 0).any() or (eye > np.array(hole.shape[::-1]) - 1).any():
        return 0.5 * LEAST_MISSING
    return float(hole[_around(eye, size_of(hole), NEAR) > 0].mean())


def _alike(here: Floats, there: Floats) -> bool:
    """Whether one can stand for the other: about as wide, and its landmarks fit."""
    narrow, wide = sorted((_width(here), _width(there)))
    if narrow < max(LEAST_WIDTH_PIXELS, LEAST_ALIKE * wide):
        return False
    matrix = _moving(here, there)
    off = np.linalg.norm(_moved(here, matrix) - there, axis=1)
    return bool(np.linalg.det(matrix[:, :2]) < 0 and off.max() < MOST_OFF * wide)


def _mirrored(raw: Rgb, image: Rgb, hole: Hole, here: Floats, there: Floats) -> Rgb:
    """The painting with the eye at `here` laid over the one at `there`."""
    width = _width(there)
    around = _around(there, size_of(hole), REACH)
    region = bounds(around)
    assert region is not None
    region = region.grown(round(2 * TONE * width), size_of(hole))
    part, missing, near = raw[region.slices], hole[region.slices] > 0, around[region.slices].astype(np.float32)
    lent = _seen_in(image, region, here, there)
    other = np.where(missing[..., None], part, image[region.slices]) - lent
    light = _mean(other, near, LIGHT * width) @ LUMA
    same = np.clip((OTHER_LEVELS - np.abs(other).max(axis=2)) / (OTHER_LEVELS - SAME_LEVELS), 0, 1)
    tone = _mean(other, np.where(missing, PAINTED, same), TONE * width)
    lent += light[..., None] + tone - (tone @ LUMA)[..., None]
    weight = (_blurred(near, SOFT * width) * missing)[..., None]
    answer = raw.copy()
    answer[region.slices] = np.clip(np.rint(part + weight * (lent - part)), 0, 255)
    return answer


def _mean(values: Floats, weight: Floats, deviation_pixels: float) -> Floats:
    """[h,w,3] the mean around each place."""
    sums = _blurred(np.dstack((values * weight[..., None], weight)), deviation_pixels)
    return np.asarray(sums[..., :3] / np.maximum(sums[..., 3:], 1e-3), np.float32)


def _seen_in(image: Rgb, region: Region, here: Floats, there: Floats) -> Floats:
    """[h,w,3] the known eye as it would look in the region around the hidden one."""
    x, y = np.meshgrid(np.arange(region.x0, region.x1), np.arange(region.y0, region.y1))
    where = _moved(np.stack((x, y), axis=-1).astype(np.float32), _moving(there, here))
    where += _straightened(where, image, here)
    picture, lines, rows = image.astype(np.float32), where[..., 0], where[..., 1]
    return np.asarray(cv2.remap(picture, lines, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT), np.float32)


def _straightened(where: Floats, image: Rgb, here: Floats) -> Floats:
    """[h,w,2] how far beside `where` the known eye is read, so that its mirror looks to the same side as itself."""
    width, middle = _width(here), (here[INNER] + here[OUTER]) / 2
    axis = (here[INNER] - here[OUTER]) / width
    aside = float(np.clip(((_iris(image, here) - middle) @ axis) / width, -MOST_ASIDE, MOST_ASIDE))
    away = (where - middle) / width
    along, across = away @ axis, away @ np.array([-axis[1], axis[0]])
    inside = np.cos(np.clip(along, -0.5, 0.5) * np.pi) ** 2 * np.exp(-((across / LIDS) ** 2))
    return np.asarray(2 * aside * width * inside[..., None] * axis, np.float32)


def _iris(image: Rgb, eye: Floats) -> Floats:
    """Where the darkest half between the lids has its centre, (x, y)."""
    mask = np.zeros(size_of(image), np.uint8)
    cv2.fillPoly(mask, [np.rint(eye[EYE]).astype(np.int32)], 1)
    rows, columns = np.nonzero(mask)
    light = image[rows, columns].astype(np.float32).mean(axis=1)
    dark = np.clip(np.median(light) - light, 0, None) ** 2 + 1e-3
    return np.asarray([columns @ dark, rows @ dark], np.float32) / np.float32(dark.sum())


def _around(eye: Floats, size: Size, reach: float) -> NDArray[np.uint8]:
    """[F,F] 1 around an eye and its brow."""
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(cv2.convexHull(eye)[:, 0]).astype(np.int32)], 1)
    side = 2 * round(reach * _width(eye)) + 1
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.uint8)


def _width(eye: Floats) -> float:
    return float(np.linalg.norm(eye[OUTER] - eye[INNER]))


def _moving(source: Floats, target: Floats) -> Floats:
    """[2,3] the affine matrix that takes one eye nearest to the other."""
    weight = np.ones((len(source), 1), np.float32)
    weight[EYE] = EYE_WEIGHT
    columns = np.column_stack((source, np.ones(len(source), np.float32)))
    return np.asarray(np.linalg.lstsq(columns * weight, target * weight, rcond=None)[0].T, np.float32)


def _moved(points: Floats, matrix: Floats) -> Floats:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def _blurred(values: Floats, deviation_pixels: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(values.astype(np.float32), (0, 0), deviation_pixels), np.float32)
