"""A half of a face beside its other half: a beard, a moustache, spectacles, which the network left out on one side.

Networks that are small go on with skin where one half of a beard is known and the other is missing. People laugh at
half a moustache. So where a half of a face is known and the other missing, the known one is laid over the painting,
mirrored and moved to the hidden one's landmarks, in the painting's light: only where both are plainly different things.
"""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.affine import moved, moving
from service.imaging.arrays import Floats, Hole, Points, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.blur import blurred
from service.imaging.cast import LUMA, one_thing
from service.imaging.holes import Region, bounds
from service.imaging.mirror import mirror_of
from service.imaging.outlines import grown, hull

# Of the 68 landmarks those of the half at the left of the picture, and at the same places those of the other half.
LEFT = (*range(9), *range(17, 22), *range(27, 34), *range(36, 42), 48, 49, 50, 51, 57, 58, 59, 60, 61, 62, 66, 67)
RIGHT = (
    *range(16, 7, -1), *range(26, 21, -1), *range(27, 31), 35, 34, 33,
    45, 44, 43, 42, 47, 46, 54, 53, 52, 51, 57, 56, 55, 64, 63, 62, 66, 65,
)  # fmt: skip
CHIN, BROW = 8, slice(9, 14)  # places in both
MOST_MISSING, LEAST_MISSING = 0.25, 0.6  # shares of the known half and of the hidden one
# Widths of the hidden half, in those of the known one: of a face that is turned it is narrower, or must be stretched.
LEAST_NARROW, MOST_STRETCHED = 0.38, 1.6
# Lengths are in heights of the face, from brows to chin.
MOST_OFF = 0.16  # how far landmarks may lie from the other half's, mirrored and moved
BESIDE = 0.2  # how far beside the landmarks the other half is believed: an ear, the beginning of the hair
REACH = 0.16  # how far a landmark moves what lies around it
TONE = 0.25  # over which distance light and colour are compared
DETAIL = 0.025  # over which distance painting and lent half are
EDGE = 0.08  # how far what is known beside the hole, and is another thing, holds the lent half off
WIDER, SOFT = 0.05, 0.025  # how far around a difference is laid over, and how that fades out
ALIKE_LEVELS, OTHER_LEVELS = 16.0, 32.0  # differences up to which the painting stays, and from which none of it does
LEAST_WEIGHT = 0.01  # of a neighbourhood, to say anything
COARSE = 4  # what is smooth is computed on copies with sides so much shorter


def halved(raw: Rgb, image: Rgb, hole: Hole, landmarks: Points) -> Rgb:
    """The painting with what the known half shows; of one frame, [F,F,3] and [F,F], landmarks [68,2] pixels."""
    assert_rgb(raw)
    assert_rgb(image, size_of(raw))
    assert_plane(hole, size_of(raw))
    mirror = mirror_of(landmarks)
    if mirror is None:
        return raw
    for known, hidden, stretch in ((LEFT, RIGHT, mirror.stretch), (RIGHT, LEFT, 1 / mirror.stretch)):
        here, there = (landmarks[list(side)].astype(np.float32) for side in (known, hidden))
        if not LEAST_NARROW <= stretch <= MOST_STRETCHED:
            continue
        if _missing(hole, here) <= MOST_MISSING and _missing(hole, there) >= LEAST_MISSING and _fits(here, there):
            return _laid(raw, image, hole, here, there)
    return raw


def _missing(hole: Hole, half: Floats) -> float:
    """What share of a half is missing; 1 of one beyond the frame."""
    inside = hole[hull(half, size_of(hole)) > 0]
    return float(inside.mean()) if inside.size else 1.0


def _fits(here: Floats, there: Floats) -> bool:
    """Whether one half's landmarks, mirrored and moved, are those of the other."""
    matrix = moving(here, there)
    off = np.linalg.norm(moved(here, matrix) - there, axis=1)
    return bool(np.linalg.det(matrix[:, :2]) < 0 and off.max() < MOST_OFF * _height(there))


def _height(half: Floats) -> float:
    return float(np.linalg.norm(half[BROW].mean(axis=0) - half[CHIN]))


def _laid(raw: Rgb, image: Rgb, hole: Hole, here: Floats, there: Floats) -> Rgb:
    """The painting with the half at `here` laid over the one at `there`."""
    height = _height(there)
    around = grown(hull(there, size_of(hole)), BESIDE * height)
    region = bounds(around)
    assert region is not None
    region = region.grown(round(2 * EDGE * height), size_of(hole))
    part, beside = raw[region.slices].astype(np.float32), image[region.slices]
    missing, near = hole[region.slices] > 0, around[region.slices].astype(np.float32)
    where = _sources(region, here, there, REACH * height)
    lent = _taken(image.astype(np.float32), where, cv2.INTER_CUBIC)
    seen = _taken(1 - hole.astype(np.float32), where, cv2.INTER_LINEAR)
    mine = near * missing * seen
    for _ in range(2):  # in another light more is seen to be one thing
        lent += _tone(part - lent, mine, TONE * height)
    plain = _plainly_other(part - lent, height) * near * _believed(beside - lent, seen * ~missing, height)
    weight = (blurred(plain, SOFT * height) * mine)[..., None]
    answer = raw.copy()
    answer[region.slices] = np.clip(np.rint(part + weight * (lent - part)), 0, 255)
    return answer


def _plainly_other(difference: Floats, height: float) -> Floats:
    """[h,w] how far painting and lent half are different things, and around where they are, 0..1."""
    levels = blurred(np.abs(difference @ LUMA), DETAIL * height)
    plain = np.clip((levels - ALIKE_LEVELS) / (OTHER_LEVELS - ALIKE_LEVELS), 0, 1).astype(np.float32)
    return grown(plain, WIDER * height)


def _believed(difference: Floats, known: Floats, height: float) -> Floats:
    """[h,w] 1, and less near what is known of the hidden side and is another thing than the lent half has there."""
    strange = known * (1 - one_thing(difference))
    means = blurred(np.dstack((strange, known)), EDGE * height)
    return np.asarray(1 - means[..., 0] / (means[..., 1] + LEAST_WEIGHT), np.float32)


def _taken(picture: Floats, where: Floats, how: int) -> Floats:
    x, y = where[..., 0], where[..., 1]
    return np.asarray(cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REFLECT), np.float32)


def _tone(difference: Floats, weight: Floats, deviation_pixels: float) -> Floats:
    """[h,w,3] the mean difference around each place, of what may be one thing in another light."""
    weight = weight * one_thing(difference)
    sums = np.dstack((difference * weight[..., None], weight))
    small = cv2.resize(sums, _coarse(weight.shape), interpolation=cv2.INTER_AREA)
    small = blurred(small, deviation_pixels / COARSE)
    means = small[..., :3] / np.maximum(small[..., 3:], 1e-3)
    return np.asarray(cv2.resize(means, weight.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _coarse(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height of that copy."""
    return max(2, round(shape[1] / COARSE)), max(2, round(shape[0] / COARSE))


def _sources(region: Region, here: Floats, there: Floats, reach_pixels: float) -> Floats:
    """[h,w,2] where in the known half lies what belongs to each pixel: moved as a whole, then as landmarks near by."""
    x, y = np.meshgrid(np.arange(region.x0, region.x1), np.arange(region.y0, region.y1))
    where, matrix = np.stack((x, y), axis=-1).astype(np.float32), moving(there, here)
    few = cv2.resize(where, _coarse(x.shape), interpolation=cv2.INTER_AREA)
    weight = np.exp(-((few[:, :, None] - there) ** 2).sum(axis=-1) / (2 * reach_pixels**2))  # [h',w',landmarks]
    by = weight @ (here - moved(there, matrix)) / (weight.sum(axis=-1, keepdims=True) + LEAST_WEIGHT)
    sources = moved(where, matrix) + cv2.resize(by, x.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(sources, np.float32)
