"""What a finder of faces is shown: the whole picture, and windows of it in which small faces are large enough.

Each look is a window, scaled into a square frame and laid at its upper left corner; the rest of the frame is hole. What
the finder says comes back in canvas pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Hole, Rgb, Size, assert_plane, assert_rgb, size_of
from service.imaging.faces import FaceBox
from service.imaging.geometry import CENTRE_ABOVE_BOX, CENTRE_BELOW_EYES, SIDE_IN_BOXES, FrameTransform
from service.imaging.holes import Region, bounds

TILED_FROM_FRAMES = 2.0  # a picture whose longer side is so many frames is also seen in four tiles
TILE_SHARE = 0.6  # of each side: tiles overlap by a fifth of the picture
NEAR_HOLES = 1.0  # a window around the hole reaches so many of its extents beyond it, on every side
NEARER_BY = 1.5  # only a look that enlarges by this much is worth its time
SURE_SCORE, SURE_FRAME = 0.8, 0.2  # a face that needs no nearer look: its score, and its frame's share of the picture
HALVED_FROM = 3  # canvas pixels for one of the frame, from which on a window is halved first: many times faster
SAME_FACE = 0.5  # of two finds whose centres are nearer than this share of the larger size, the surer one stays

Found = NDArray[
    np.float32
]  # [faces,16] as `finder` answers: score, centre, size, sine and cosine of the roll, 5 points


@dataclass(frozen=True)
class Look:
    """A window of the canvas as the finder sees it."""

    window: Region
    scale: float  # frame pixels for one canvas pixel
    image: Rgb  # [F,F,3]
    hole: Hole  # [F,F], 1 = missing or beyond the window


def windows(size: Size, region: Region | None, frame_pixels: int) -> list[Region]:
    """The whole picture, then parts of it that are worth a look of their own: no more than one batch of the model.

    If it is large these are the surroundings of its hole, of which `region` are the bounds, or, without a hole, four
    tiles.
    """
    height, width = size
    whole = Region(0, 0, width, height)
    if region is not None:
        near = region.grown(round(NEAR_HOLES * max(region.width, region.height)), size)
        return [whole, near] if _gain(near, whole, frame_pixels) >= NEARER_BY else [whole]
    if max(size) < TILED_FROM_FRAMES * frame_pixels:
        return [whole]
    across, down = round(TILE_SHARE * width), round(TILE_SHARE * height)
    return [whole] + [Region(x, y, x + across, y + down) for y in (0, height - down) for x in (0, width - across)]


def enough(faces: Sequence[FaceBox], size: Size, region: Region | None) -> bool:
    """Whether the look at the whole picture says all about its hole: it lies in the frame of one large, sure face.

    Where nothing is missing every face counts, and small ones may have been overlooked.
    """
    if region is None:
        return False
    x0, y0, x1, y1 = region.x0, region.y0, region.x1 - 1, region.y1 - 1
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)
    for face in faces:
        frame = FrameTransform.from_box(face)
        large = frame.side_pixels >= SURE_FRAME * max(size)
        placed = frame.to_frame(corners)
        if face.score >= SURE_SCORE and large and placed.min() >= -0.5 and placed.max() <= frame.frame_pixels - 0.5:
            return True
    return False


def look(rgb: Rgb, hole: Hole, window: Region, frame_pixels: int) -> Look:
    """One window in a frame. A frame pixel is hole if any canvas pixel under it is.

    Of a large window up to a few columns and rows at its ends are not looked at, so that it can be halved.
    """
    assert_rgb(rgb)
    assert_plane(hole, size_of(rgb))
    halvings = _halvings(window, frame_pixels)
    window = _divisible(window, 2**halvings)
    scale = _scale(window, frame_pixels)
    inner = max(1, round(window.width * scale)), max(1, round(window.height * scale))
    image, missing = _empty_frame(frame_pixels)
    image[: inner[1], : inner[0]] = _scaled(rgb[window.slices], inner, halvings)
    missing[: inner[1], : inner[0]] = _any(_halved(hole[window.slices], halvings), inner)
    return Look(window, scale, image, missing)


def boxes(looked: Look, found: Found, least_score: float, least_seen_score: float) -> list[FaceBox]:
    """The faces of a look in canvas pixels, the surest first: what is all there must score more to be one."""
    return [
        _box(looked, row) for row in found if row[0] >= (least_score if _in_part(looked, row) else least_seen_score)
    ]


def distinct(faces: Sequence[FaceBox]) -> list[FaceBox]:
    """Each face once, the surest first: several looks see the same one."""
    kept: list[FaceBox] = []
    for face in sorted(faces, key=lambda face: (-face.score, face.x0, face.y0)):
        if not any(_apart(face, other) < SAME_FACE * max(face.side, other.side) for other in kept):
            kept.append(face)
    return kept


def _in_part(looked: Look, row: NDArray[np.float32]) -> bool:
    """Whether any pixel of a find's square is missing or beyond the window."""
    x, y, half = row[1], row[2], row[3] / 2
    x0, y0, x1, y1 = (int(np.floor(edge)) for edge in (x - half, y - half, x + half + 1, y + half + 1))
    side = len(looked.hole)
    return min(x0, y0) < 0 or max(x1, y1) > side or bool(looked.hole[y0:y1, x0:x1].any())


def _empty_frame(side: int) -> tuple[Rgb, Hole]:
    """A frame of which nothing is known."""
    return np.zeros((side, side, 3), np.uint8), np.ones((side, side), np.uint8)


def _scaled(rgb: Rgb, size: tuple[int, int], halvings: int = 0) -> Rgb:
    """First by halves. The four pixels between which one of the frame lies are under it, and no others."""
    for _ in range(halvings):
        half = rgb.shape[1] // 2, len(rgb) // 2
        rgb = np.asarray(cv2.resize(rgb, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _halvings(window: Region, frame_pixels: int) -> int:
    """How often a window is halved before it is scaled into the frame."""
    longer, shorter, times = max(window.width, window.height), min(window.width, window.height), 0
    while longer >= HALVED_FROM * frame_pixels * 2**times and shorter >= 2 ** (times + 1):
        times += 1
    return times


def _divisible(window: Region, by: int) -> Region:
    """The window without its last columns and rows, so that its sides are multiples."""
    width, height = (length // by * by for length in (window.width, window.height))
    return Region(window.x0, window.y0, window.x0 + width, window.y0 + height)


def _any(hole: Hole, size: tuple[int, int]) -> NDArray[np.bool_]:
    """[h,w] of another size: whether any missing pixel comes to this one."""
    if not hole.any():
        return np.zeros(size[::-1], np.bool_)
    if len(hole) <= size[1]:
        return np.asarray(cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0)
    rows = _any_of_rows(hole, size[1])
    return _any_of_rows(np.ascontiguousarray(rows.T), size[0]).T > 0


def _halved(hole: Hole, times: int) -> Hole:
    """Both sides halved so often: missing where any of the pixels is that come into one."""
    halved, region, by = np.zeros((len(hole) >> times, hole.shape[1] >> times), np.uint8), bounds(hole), 2**times
    if region is None:
        return halved
    region = Region(region.x0 // by, region.y0 // by, -(-region.x1 // by), -(-region.y1 // by))
    part = hole[region.y0 * by : region.y1 * by, region.x0 * by : region.x1 * by]
    for _ in range(times):
        rows = np.ascontiguousarray(part[::2] | part[1::2])
        part = (rows.view(np.uint16) != 0).view(np.uint8)
    halved[region.slices] = part
    return halved


def _any_of_rows(hole: Hole, count: int) -> Hole:
    """[count,W]: of every row that has a part in one of as many equal shares, whether any is missing."""
    ends = np.arange(count + 1) * len(hole)
    shares = zip(ends[:-1] // count, -(-ends[1:] // count), strict=True)
    return np.stack([np.bitwise_or.reduce(hole[first:end]) for first, end in shares])


def _box(looked: Look, row: NDArray[np.float32]) -> FaceBox:
    """The box from which `FrameTransform.from_box` makes the frame that FFHQ lays around the five points."""
    values = row.astype(np.float64)
    points = values[6:].reshape(5, 2)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    sine, cosine = values[4:6] / max(float(np.hypot(*values[4:6])), 1e-6)
    side = 2 * values[3] / SIDE_IN_BOXES
    centre = eyes + CENTRE_BELOW_EYES * (mouth - eyes) + CENTRE_ABOVE_BOX * side * np.array([-sine, cosine])
    x, y = (centre + 0.5) / looked.scale + (looked.window.x0, looked.window.y0)
    half = side / looked.scale / 2
    roll_degrees = float(np.degrees(np.arctan2(sine, cosine)))
    return FaceBox(float(x - half), float(y - half), float(x + half), float(y + half), float(values[0]), roll_degrees)


def _scale(window: Region, frame_pixels: int) -> float:
    return frame_pixels / max(window.width, window.height)


def _gain(near: Region, whole: Region, frame_pixels: int) -> float:
    """How much larger a face is in the nearer look; a window smaller than the frame is not worth enlarging."""
    most = max(_scale(whole, frame_pixels), 1.0)
    return min(_scale(near, frame_pixels), most) / _scale(whole, frame_pixels)


def _apart(one: FaceBox, other: FaceBox) -> float:
    return float(np.hypot((one.x0 + one.x1 - other.x0 - other.x1) / 2, (one.y0 + one.y1 - other.y0 - other.y1) / 2))
