"""Where the faces are: OpenCV's Haar cascades, the ones that come inside its wheel. No download, no network.

The first look is at the whole picture, with the hole filled smoothly from its surroundings. Every part of the hole that
no face touches gets a second look from nearby. A picture without a hole in which nothing is found gets a second, finer
look.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Hole, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.holes import Region, bounds, components
from service.imaging.membrane import fill_smoothly

STRICT, TOLERANT = "haarcascade_frontalface_alt2.xml", "haarcascade_frontalface_default.xml"
LOOK_PIXELS, NEAR_LOOK_PIXELS, FINE_LOOK_PIXELS = 200, 256, 960  # longer side of the copy that is searched
SMALLEST_FACE_PIXELS = 22  # on the copy
NEIGHBOURS = 3  # overlapping hits that make a face; under the hole one is enough, for it must touch the hole
WINDOW_IN_HOLES = 2.0  # the second look reaches this many hole extents beyond the hole, on every side
MOST_HIDDEN = 3  # parts of the hole that get a second look
JOIN_SHARE = 0.02  # of the longer side: nearer parts of the hole are looked at together
SAME_FACE = 0.5  # share of the smaller box under the larger from which two boxes are one face

Grey: TypeAlias = NDArray[np.uint8]  # [h,w]


@dataclass(frozen=True)
class FaceBox:
    """A square around eyes, nose and mouth, in canvas pixels from the picture's corner, the ends not included."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float  # overlapping hits of the detector: more is surer
    roll_degrees: float = 0.0  # clockwise; 0 is upright


@dataclass(frozen=True)
class _Look:
    """One way of searching."""

    cascade: str
    side_pixels: int
    step: float  # growth of the window from scale to scale
    neighbours: int


FIRST = _Look(STRICT, LOOK_PIXELS, 1.2, NEIGHBOURS)
FINE = _Look(STRICT, FINE_LOOK_PIXELS, 1.2, NEIGHBOURS)
HIDDEN = (_Look(STRICT, NEAR_LOOK_PIXELS, 1.1, 1), _Look(TOLERANT, NEAR_LOOK_PIXELS, 1.1, 1))


def detect_faces(rgb: Rgb, hole: Hole | None = None) -> list[FaceBox]:
    """Faces of a canvas, largest first. With a hole, those it touches are looked for harder. Same input, same answer.

    What stands in the hole is not looked at. A face whose eyes, nose and mouth are all missing is rarely found. Any
    thread may call.
    """
    assert_rgb(rgb)
    height, width = size_of(rgb)
    whole = Region(0, 0, width, height)
    if hole is None:
        return _distinct(_search(rgb, whole, FIRST) or _search(rgb, whole, FINE))
    assert_plane(hole, (height, width))
    faces = _search(rgb, whole, FIRST, hole)
    join_pixels = max(2, round(JOIN_SHARE * max(height, width)))
    hidden = [part for part in components(hole, join_pixels) if not any(_touches(face, part) for face in faces)]
    for part in hidden[:MOST_HIDDEN]:
        faces += _search_under(rgb, hole, part)
    return _distinct(faces)


def _search(rgb: Rgb, window: Region, look: _Look, hole: Hole | None = None) -> list[FaceBox]:
    grey, shrink = _reduced(rgb, window, look.side_pixels)
    grey = grey if hole is None else _filled(grey, hole[window.slices])
    return _hits(grey, shrink, window, look, SMALLEST_FACE_PIXELS)


def _search_under(rgb: Rgb, hole: Hole, part: Hole) -> list[FaceBox]:
    """The likeliest face that a part of the hole touches, if any. One smaller than the part would not show."""
    tight = bounds(part)
    assert tight is not None
    window = tight.grown(round(WINDOW_IN_HOLES * max(tight.width, tight.height)), size_of(hole))
    for look in HIDDEN:
        grey, shrink = _reduced(rgb, window, look.side_pixels)
        filled = _filled(grey, hole[window.slices])
        smallest = max(SMALLEST_FACE_PIXELS, int(np.sqrt(np.count_nonzero(part)) / shrink))
        found = [face for face in _hits(filled, shrink, window, look, smallest) if _touches(face, part)]
        if found:
            return [max(found, key=_certainty)]
    return []


def _reduced(rgb: Rgb, window: Region, side_pixels: int) -> tuple[Grey, float]:
    """The window in grey, its longer side at most side_pixels, and how many canvas pixels make one of its pixels."""
    shrink = max(1.0, max(window.width, window.height) / side_pixels)
    size = max(1, round(window.width / shrink)), max(1, round(window.height / shrink))
    reduced = cv2.resize(rgb[window.slices], size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY), dtype=np.uint8), shrink


def _filled(grey: Grey, hole: Hole) -> Grey:
    """The hole, and a pixel around it, filled smoothly from what lies beside it."""
    share = cv2.resize(hole.astype(np.float32), grey.shape[::-1], interpolation=cv2.INTER_AREA)
    known = cv2.dilate((share > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    filled = fill_smoothly(grey.astype(np.float32)[..., None], known)[..., 0]
    return np.asarray(np.where(known, grey, np.rint(filled)), dtype=np.uint8)


def _hits(grey: Grey, shrink: float, window: Region, look: _Look, smallest: int) -> list[FaceBox]:
    """What the cascade finds, in canvas pixels; smallest is in pixels of the copy."""
    boxes, counts = _classifier(look.cascade).detectMultiScale2(
        grey, scaleFactor=look.step, minNeighbors=look.neighbours, minSize=(smallest, smallest)
    )
    return [
        FaceBox(
            window.x0 + float(x) * shrink,
            window.y0 + float(y) * shrink,
            min(window.x0 + float(x + w) * shrink, float(window.x1)),
            min(window.y0 + float(y + h) * shrink, float(window.y1)),
            float(count),
        )
        for (x, y, w, h), count in zip(boxes, counts, strict=True)
    ]


_of_thread = threading.local()  # a classifier keeps its state inside while it searches: one for every thread


def _classifier(cascade: str) -> cv2.CascadeClassifier:
    loaded: dict[str, cv2.CascadeClassifier] = _of_thread.__dict__.setdefault("loaded", {})
    if cascade not in loaded:
        loaded[cascade] = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / cascade))
        assert not loaded[cascade].empty(), f"OpenCV's wheel lacks {cascade}"
    return loaded[cascade]


def _touches(face: FaceBox, part: Hole) -> bool:
    return bool(part[int(face.y0) : int(face.y1), int(face.x0) : int(face.x1)].any())


def _distinct(faces: list[FaceBox]) -> list[FaceBox]:
    """Each face once, by its surest box; largest first."""
    kept: list[FaceBox] = []
    for face in sorted(faces, key=_certainty, reverse=True):
        if all(_overlap(face, other) < SAME_FACE for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: (-(face.x1 - face.x0), face.x0, face.y0))


def _certainty(face: FaceBox) -> tuple[float, float, float, float]:
    return face.score, face.x1 - face.x0, -face.x0, -face.y0


def _overlap(one: FaceBox, other: FaceBox) -> float:
    """Intersection over the smaller box: a box inside another is the same face."""
    width = max(0.0, min(one.x1, other.x1) - max(one.x0, other.x0))
    height = max(0.0, min(one.y1, other.y1) - max(one.y0, other.y0))
    areas = [(face.x1 - face.x0) * (face.y1 - face.y0) for face in (one, other)]
    return width * height / max(min(areas), 1e-9)
