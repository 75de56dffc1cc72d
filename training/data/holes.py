"""Holes: [H,W] uint8, 1 = missing. Sizes are for a 256 px face frame and scale with the frame.

Every hole comes from a numpy Generator; the same state gives the same hole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.drawings import Drawings
from training.data.landmarks import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE, to_68
from training.data.sketches import Sketches, draw_sketch, sketch_hole
from training.data.stored_holes import StoredHoles
from training.errors import TrainingError

Hole = NDArray[np.uint8]
HoleMaker = Callable[[np.random.Generator, int, NDArray[np.float32]], Hole]

LEFT_EYE_AND_BROW = LEFT_BROW + LEFT_EYE  # as they stand in the picture
RIGHT_EYE_AND_BROW = RIGHT_BROW + RIGHT_EYE


QUICKDRAW, IRREGULAR = "quickdraw", "irregular"


class HoleError(TrainingError):
    """A kind of hole that does not exist; the message lists those that do."""


@dataclass(frozen=True)
class Mixture:
    """Kinds of holes with their probabilities, which sum to 1."""

    parts: tuple[tuple[float, str], ...]
    sketches: Drawings | None = None  # people's, for `quickdraw`, or for `irregular` and buckets; None = from the seed

    def __post_init__(self) -> None:
        total = sum(probability for probability, _ in self.parts)
        assert abs(total - 1) < 1e-6, f"probabilities sum to {total}"

    def draw(self, rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
        choice = float(rng.random())
        for probability, kind in self.parts:
            choice -= probability
            if choice < 0:
                return make_hole(kind, rng, pixels, landmarks, self.sketches)
        return make_hole(self.parts[-1][1], rng, pixels, landmarks, self.sketches)


def make_hole(
    kind: str,
    rng: np.random.Generator,
    pixels: int,
    landmarks: NDArray[np.float32],
    sketches: Drawings | None = None,
) -> Hole:
    """One hole of `kind`: a name in KINDS, strokes in a ratio bucket written `20-40` (percent), or a square `64px`.

    landmarks [68,2] or [98,2] in pixels of the frame; only the face-part holes use them. A square has that many pixels
    of the frame, whatever its size, and a random place (GFC, Figure 9: 16 to 80 px of 128). With the masks of Liu et
    al. `irregular` is any of them, and a bucket one that misses so much.
    """
    if kind == QUICKDRAW and isinstance(sketches, Sketches):
        return sketch_hole(sketches.pick(rng), rng, pixels)
    if kind == IRREGULAR and isinstance(sketches, StoredHoles):
        return sketches.draw(rng, pixels)
    if kind in KINDS:
        return KINDS[kind](rng, pixels, to_68(landmarks))
    side, unit, nothing = kind.partition("px")
    if unit and not nothing and side.isdigit() and int(side) > 0:
        return square(rng, pixels, min(int(side), pixels))
    low, dash, high = kind.partition("-")
    if dash and low.isdigit() and high.isdigit() and 0 <= int(low) < int(high) <= 100:
        bucket = int(low) / 100, int(high) / 100
        return (
            sketches.draw(rng, pixels, *bucket) if isinstance(sketches, StoredHoles) else strokes(rng, pixels, *bucket)
        )
    raise HoleError(
        f"unknown hole {kind!r}; there are {', '.join(KINDS)} ratio buckets such as 20-40, squares such as 64px"
    )


def strokes(rng: np.random.Generator, pixels: int, low: float, high: float) -> Hole:
    """Free-form brush strokes that cover between `low` and `high` of the frame."""
    target = float(rng.uniform(low, high))
    hole = np.zeros((pixels, pixels), np.uint8)
    area = pixels * pixels
    thinning = 1.0
    for _ in range(1000):
        ratio = int(hole.sum()) / area
        if ratio >= target:
            break
        tried = hole.copy()
        draw_stroke(tried, rng, pixels, thinning)
        if int(tried.sum()) / area <= high:
            hole = tried
        else:
            thinning = max(0.2, thinning * 0.7)
    return hole


def draw_stroke(hole: Hole, rng: np.random.Generator, pixels: int, thinning: float) -> None:
    """One winding stroke with round joints, drawn into `hole`."""
    unit = pixels / 256
    x, y = rng.uniform(0, pixels, 2)
    angle = rng.uniform(0, 2 * np.pi)
    width = max(2, round(rng.uniform(10, 36) * unit * thinning))
    for _ in range(int(rng.integers(2, 8))):
        angle += rng.uniform(-1.2, 1.2)
        length = rng.uniform(12, 60) * unit * thinning
        to_x = float(np.clip(x + length * np.cos(angle), 0, pixels - 1))
        to_y = float(np.clip(y + length * np.sin(angle), 0, pixels - 1))
        cv2.line(hole, (round(x), round(y)), (round(to_x), round(to_y)), 1, width)
        cv2.circle(hole, (round(to_x), round(to_y)), width // 2, 1, -1)
        x, y = to_x, to_y


def rectangle(pixels: int, x0: float, y0: float, x1: float, y1: float) -> Hole:
    """Ones in the half-open box, cut at the frame."""
    hole = np.zeros((pixels, pixels), np.uint8)
    left, top, right, bottom = (int(np.clip(round(v), 0, pixels)) for v in (x0, y0, x1, y1))
    hole[top:bottom, left:right] = 1
    return hole


def none(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """Nothing missing."""
    return np.zeros((pixels, pixels), np.uint8)


def irregular(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """Strokes that cover 10 to 60 %, every ratio alike."""
    return strokes(rng, pixels, 0.1, 0.6)


def quickdraw(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """A sketch of lines and a square of 85 px (of 256)."""
    return sketch_hole(draw_sketch(rng), rng, pixels)


def block(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """A square of half the side at a random place (128 of 256 px)."""
    side = pixels // 2
    return random_box(rng, pixels, side, side)


def box(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """A rectangle with sides of 94 to 128 px (of 256) at a random place."""
    width, height = rng.uniform(94, 128, 2) * pixels / 256
    return random_box(rng, pixels, width, height)


def random_box(rng: np.random.Generator, pixels: int, width: float, height: float) -> Hole:
    x, y = rng.uniform(0, pixels - width), rng.uniform(0, pixels - height)
    return rectangle(pixels, x, y, x + width, y + height)


def square(rng: np.random.Generator, pixels: int, side: int) -> Hole:
    """A square of `side` pixels of the frame at a random place."""
    x, y = (int(value) for value in rng.integers(0, pixels - side + 1, 2))
    return rectangle(pixels, x, y, x + side, y + side)


def center(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """The middle square of half the side."""
    quarter = pixels / 4
    return rectangle(pixels, quarter, quarter, 3 * quarter, 3 * quarter)


def half(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """The left, right, upper or lower half of the frame, each with a quarter."""
    middle = pixels / 2
    boxes = ((0, 0, middle, pixels), (middle, 0, pixels, pixels), (0, 0, pixels, middle), (0, middle, pixels, pixels))
    return rectangle(pixels, *boxes[int(rng.integers(4))])


def left_half(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """O1: the left half of the face, as it stands in the picture."""
    x0, y0, x1, y1 = face_box(landmarks)
    return rectangle(pixels, x0, y0, (x0 + x1) / 2, y1)


def right_half(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """O2: the right half of the face, as it stands in the picture."""
    x0, y0, x1, y1 = face_box(landmarks)
    return rectangle(pixels, (x0 + x1) / 2, y0, x1, y1)


def two_eyes(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """O3: both eyes and brows."""
    return around(pixels, landmarks[[*LEFT_EYE_AND_BROW, *RIGHT_EYE_AND_BROW]])


def left_eye(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """O4: the eye and brow at the left of the picture."""
    return around(pixels, landmarks[list(LEFT_EYE_AND_BROW)])


def right_eye(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """O5: the eye and brow at the right of the picture."""
    return around(pixels, landmarks[list(RIGHT_EYE_AND_BROW)])


def lower_half(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """O6: the lower half of the face."""
    x0, y0, x1, y1 = face_box(landmarks)
    return rectangle(pixels, x0, (y0 + y1) / 2, x1, y1)


def whole_face(rng: np.random.Generator, pixels: int, landmarks: NDArray[np.float32]) -> Hole:
    """An ellipse over the face from jaw to jaw, with forehead and chin: hair, ears and neck stay."""
    x0, y0, x1, y1 = face_box(landmarks)
    rows, columns = np.mgrid[:pixels, :pixels].astype(np.float32) + 0.5
    across, down = (2 * columns - x0 - x1) / max(x1 - x0, 1), (2 * rows - y0 - y1) / max(y1 - y0, 1)
    return np.asarray(across**2 + down**2 <= 1, np.uint8)


def around(pixels: int, points: NDArray[np.float32]) -> Hole:
    """The bounding box of `points`, grown by 8 px (of 256)."""
    margin = 8 * pixels / 256
    x0, y0 = points.min(axis=0) - margin
    x1, y1 = points.max(axis=0) + margin
    return rectangle(pixels, x0, y0, x1, y1)


def face_box(landmarks: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of a face from its landmarks; the forehead adds a third of their height."""
    x0, y0 = (float(v) for v in landmarks.min(axis=0))
    x1, y1 = (float(v) for v in landmarks.max(axis=0))
    return x0, y0 - (y1 - y0) / 3, x1, y1


KINDS: dict[str, HoleMaker] = {
    "none": none,
    IRREGULAR: irregular,
    QUICKDRAW: quickdraw,
    "block": block,
    "box": box,
    "center": center,
    "half": half,
    "eyes": two_eyes,
    "face": whole_face,
    "O1": left_half,
    "O2": right_half,
    "O3": two_eyes,
    "O4": left_eye,
    "O5": right_eye,
    "O6": lower_half,
}


def seeded_hole(
    kind: str, seed: int, place: int, pixels: int, landmarks: NDArray[np.float32], sketches: Drawings | None = None
) -> Hole:
    """The hole of `kind` of the face at a place in its row: the same in every evaluation with this seed."""
    return make_hole(kind, np.random.default_rng([seed, place]), pixels, landmarks, sketches)
