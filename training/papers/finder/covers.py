"""What hides a face in a photograph: a surgical mask, sunglasses, text, a blob; drawn over it, not emptied.

A `Place` says where a face stands: the affine map [2,3] from the pixels of its own square picture to the scene's, and
its landmarks there. Everything is drawn from a numpy Generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.papers.finder.points import five_points

Rgb = NDArray[np.uint8]
Points = NDArray[np.float32]

MASK_COLOURS = ((180, 215, 235), (240, 242, 242), (30, 30, 34), (150, 200, 190), (70, 90, 140))
LETTERS = "ABCDEFGHIKLMNOPRSTUVWXYZabcdeghiklmnoprstuwz0123456789?!"


@dataclass(frozen=True)
class Place:
    """Where a face stands in a scene, or where one could."""

    matrix: NDArray[np.float64]  # [2,3]
    side: int  # of the face's own picture
    landmarks: Points  # [68,2] in pixels of that picture

    @property
    def scale(self) -> float:
        """Pixels of the scene for one of the picture's."""
        return float(np.hypot(*self.matrix[:, 0]))

    def to_scene(self, points: Points) -> Points:
        return np.asarray(points @ self.matrix[:, :2].T + self.matrix[:, 2], dtype=np.float32)


def surgical_mask(scene: Rgb, place: Place, rng: np.random.Generator) -> None:
    """From the bridge of the nose to the chin, with folds and straps."""
    points = place.to_scene(place.landmarks)
    outline = np.concatenate((points[1:16], points[[28]] * 0.6 + points[[29]] * 0.4))
    outline = outline.mean(axis=0) + (outline - outline.mean(axis=0)) * float(rng.uniform(0.95, 1.12))
    colour = shade(MASK_COLOURS[rng.integers(len(MASK_COLOURS))], rng)
    fill(scene, outline, colour, float(rng.uniform(0.9, 1.0)))
    if rng.random() < 0.5:
        fold = tuple(max(0, c - 25) for c in colour)
        for share in (0.35, 0.55, 0.75):
            ends = points[[2, 14]] * (1 - share) + points[[6, 10]] * share
            line(scene, ends, fold, max(1, round(place.scale * place.side / 130)))


def sunglasses(scene: Rgb, place: Place, rng: np.random.Generator) -> None:
    """Two dark lenses and a bridge."""
    points = place.to_scene(place.landmarks)
    left, right = five_points(points)[:2]
    across = right - left
    distance = float(np.hypot(*across))
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    axes = (max(1, round(distance * rng.uniform(0.3, 0.48))), max(1, round(distance * rng.uniform(0.22, 0.4))))
    colour = shade(((15, 15, 18), (45, 30, 20), (60, 70, 80), (120, 60, 90))[rng.integers(4)], rng)
    for eye in (left, right):
        middle = tuple(int(v) for v in np.round(eye))
        cv2.ellipse(scene, middle, axes, angle, 0, 360, colour, -1, cv2.LINE_AA)
    bridge = np.asarray(0.4 * points[[0, 16]] + 0.6 * np.stack((left, right)), dtype=np.float32)
    line(scene, bridge, colour, round(distance / 12) + 1)


def text(scene: Rgb, place: Place, rng: np.random.Generator) -> None:
    """A few letters across the face."""
    points = place.to_scene(place.landmarks)
    width = float(np.ptp(points, axis=0).max())
    middle = points.mean(axis=0) + rng.normal(0, 0.2, 2) * width
    words = "".join(LETTERS[place] for place in rng.integers(len(LETTERS), size=int(rng.integers(3, 12))))
    size = width / 25 / max(3, len(words)) * float(rng.uniform(1.0, 2.5))
    corner = (round(float(middle[0] - width / 2)), round(float(middle[1])))
    colour = tuple(int(c) for c in rng.integers(256, size=3))
    cv2.putText(scene, words, corner, int(rng.integers(8)), size, colour, max(1, round(size * 2)), cv2.LINE_AA)


def blob(scene: Rgb, place: Place, rng: np.random.Generator) -> None:
    """A patch of one colour, a hand or a paint stroke, over a part of the face."""
    points = place.to_scene(place.landmarks)
    width = float(np.ptp(points, axis=0).max())
    middle = points[rng.integers(68)] + rng.normal(0, 0.1, 2) * width
    axes = tuple(max(1, round(float(v) * width)) for v in rng.uniform(0.08, 0.3, 2))
    colour = tuple(int(c) for c in rng.integers(256, size=3))
    centre = tuple(int(v) for v in np.round(middle))
    cv2.ellipse(scene, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)


COVERS = (surgical_mask, surgical_mask, sunglasses, sunglasses, text, blob)


def cover(scene: Rgb, place: Place, rng: np.random.Generator) -> None:
    """One of the covers, by chance."""
    COVERS[rng.integers(len(COVERS))](scene, place, rng)


def fill(scene: Rgb, outline: Points, colour: tuple[int, ...], opacity: float) -> None:
    whole = np.round(outline).astype(np.int32)
    if opacity >= 1:
        cv2.fillPoly(scene, [whole], colour, cv2.LINE_AA)
        return
    drawn = scene.copy()
    cv2.fillPoly(drawn, [whole], colour, cv2.LINE_AA)
    cv2.addWeighted(drawn, opacity, scene, 1 - opacity, 0, dst=scene)


def line(scene: Rgb, ends: Points, colour: tuple[int, ...], thickness: int) -> None:
    one, other = (tuple(int(v) for v in np.round(end)) for end in ends)
    cv2.line(scene, one, other, colour, max(1, thickness), cv2.LINE_AA)


def shade(colour: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(np.clip(c + rng.integers(-15, 16), 0, 255)) for c in colour)
