"""Holes of a scene: all protocols of the face frame, laid where a face stands or could, and holes anywhere."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.holes import Hole, around, make_hole, strokes
from training.data.landmarks import MOUTH, NOSE_BASE
from training.papers.finder.covers import Place, Points
from training.papers.finder.points import NOSE_TIP

FRAME_PIXELS = 128  # of the face frame in which a hole is made
FOREHEAD = 0.35  # of the distance from chin to brows that the inner face goes on above the brows
QUARTER = (0.2, 0.3)  # share of the inner face
KINDS: dict[str, float] = {  # weights, not probabilities
    "irregular": 1.5,
    "10-30": 1.0,
    "block": 1.0,
    "box": 1.0,
    "center": 1.0,
    "half": 0.7,
    "O1": 0.7,
    "O2": 0.7,
    "O3": 1.5,
    "O4": 0.5,
    "O5": 0.5,
    "O6": 1.0,
    "quarter": 1.5,
    "mouth and nose": 1.5,
    "inner face": 3.0,
    "face": 2.0,
}
CHANCES = np.array(list(KINDS.values())) / sum(KINDS.values())
WHOLE = ("face", "inner face")
DECOY_WHOLE = 0.6  # how often a hole where no face is has the shape of all of one
INVERTED, PAINTED = 0.03, 0.12  # scenes: all but the faces is missing; strokes or boxes anywhere


def hide(hole: Hole, place: Place, kind: str, rng: np.random.Generator) -> None:
    """Lay a hole of `kind` over a face: `hole` [H,W] of the scene grows by it."""
    frame = place.side / FRAME_PIXELS
    landmarks = np.asarray((place.landmarks + 0.5) / frame - 0.5, dtype=np.float32)
    made = frame_hole(kind, rng, landmarks)
    matrix = place.matrix @ np.array([[frame, 0, (frame - 1) / 2], [0, frame, (frame - 1) / 2], [0, 0, 1]])
    size = (hole.shape[1], hole.shape[0])
    laid = cv2.warpAffine(made, matrix, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    np.maximum(hole, laid, out=hole)


def any_kind(rng: np.random.Generator) -> str:
    return list(KINDS)[int(rng.choice(len(KINDS), p=CHANCES))]


def decoy_kind(rng: np.random.Generator) -> str:
    """Of a hole where no face is."""
    return WHOLE[int(rng.integers(len(WHOLE)))] if rng.random() < DECOY_WHOLE else any_kind(rng)


def frame_hole(kind: str, rng: np.random.Generator, landmarks: Points) -> Hole:
    """A hole in the face frame, [128,128]; landmarks [68,2] in its pixels."""
    if kind == "inner face":
        return inner_face(landmarks, float(rng.uniform(0.0, 0.12)))
    if kind == "mouth and nose":
        return around(FRAME_PIXELS, landmarks[[*range(NOSE_TIP, NOSE_BASE[-1] + 1), *MOUTH]])
    if kind == "quarter":
        return quarter(rng, landmarks)
    return make_hole(kind, rng, FRAME_PIXELS, landmarks)


def inner_face(landmarks: Points, grown: float = 0.0) -> Hole:
    """Jaw to forehead; `grown` in face widths."""
    up = landmarks[17:27] + FOREHEAD * (landmarks[17:27].mean(axis=0) - landmarks[8])
    hull = cv2.convexHull(np.concatenate((landmarks, up)).astype(np.float32))
    hole = np.zeros((FRAME_PIXELS, FRAME_PIXELS), np.uint8)
    cv2.fillPoly(hole, [np.round(hull).astype(np.int32)], 1)
    margin = round(grown * float(np.ptp(landmarks[:, 0])))
    if margin:
        around_it = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
        return np.asarray(cv2.dilate(hole, around_it), dtype=np.uint8)
    return hole


def quarter(rng: np.random.Generator, landmarks: Points) -> Hole:
    """A square around a point of the inner face that hides 20 to 30 % of it."""
    inner = inner_face(landmarks)
    seen = np.argwhere(inner)
    middle, wanted = seen[rng.integers(len(seen))], float(rng.uniform(*QUARTER)) * len(seen)
    distance = np.abs(seen - middle).max(axis=1)
    reach = int(np.sort(distance)[min(len(seen) - 1, int(wanted))])
    hole = np.zeros_like(inner)
    top, left = np.maximum(middle - reach, 0)
    hole[top : middle[0] + reach + 1, left : middle[1] + reach + 1] = 1
    return hole


def hide_somewhere(hole: Hole, rng: np.random.Generator) -> None:
    """Strokes or a box at any place and of any size, whatever lies there."""
    side = hole.shape[0]
    if rng.random() < 0.5:
        drawn = strokes(rng, 128, 0.05, 0.4)
        np.maximum(hole, cv2.resize(drawn, hole.shape[::-1], interpolation=cv2.INTER_NEAREST), out=hole)
        return
    width, height = (int(v) for v in rng.uniform(0.1, 0.6, 2) * side)
    x, y = int(rng.uniform(-0.3, 1) * side), int(rng.uniform(-0.3, 1) * side)
    hole[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = 1


def seen_share(hole: NDArray[np.uint8], centre: NDArray[np.float32], radius: float) -> float:
    """The share of a disc that lies in the scene and not in the hole, looked at every fourth pixel."""
    step = 4.0 if radius > 16 else 1.0
    grid = np.arange(-radius, radius + step, step)
    x, y = np.meshgrid(grid, grid)
    inside = x**2 + y**2 <= radius**2
    columns = np.rint(x[inside] + centre[0]).astype(int)
    rows = np.rint(y[inside] + centre[1]).astype(int)
    in_scene = (columns >= 0) & (columns < hole.shape[1]) & (rows >= 0) & (rows < hole.shape[0])
    return float((hole[rows[in_scene], columns[in_scene]] == 0).sum() / max(1, len(rows)))
