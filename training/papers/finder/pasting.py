"""Pictures laid over pictures: similarities, opacities, and the blending itself."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.transforms import flip
from training.papers.finder.sources import Rgb

UPRIGHT = 0.45  # share of faces that are nearly upright; the others have any roll
CUT = 0.55  # share of heads that are cut out along their outlines; the others come with their surroundings
FADES = (0.0, 0.05, 0.15, 0.3)  # of the side: how wide a crop's edge fades


def mirrored(
    rgba: NDArray[np.uint8], landmarks: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Left to right with an even chance."""
    return flip(rgba, landmarks) if rng.random() < 0.5 else (rgba, landmarks)


def with_opacity(rgba: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The head alone, softly cut, or the crop with its surroundings, its edge hard or fading."""
    if rng.random() < CUT:
        return rgba
    side = rgba.shape[0]
    fade = max(1.0, side * float(rng.choice(FADES)))
    ramp = np.clip((np.minimum(np.arange(side), np.arange(side)[::-1]) + 1) / fade, 0, 1)
    opacity = np.minimum(ramp[:, None], ramp) if rng.random() < 0.6 else ramp[:, None] * ramp
    return np.dstack((rgba[..., :3], (opacity * 255).astype(np.uint8)))


def recoloured(rgba: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Another light than the backdrop's, sometimes."""
    if rng.random() < 0.5:
        return rgba
    gains = float(rng.uniform(0.6, 1.25)) * rng.uniform(0.9, 1.1, 3)
    table = np.clip(np.arange(256)[:, None] * np.append(gains, 1.0), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(rgba, table[:, None]), dtype=np.uint8)


def paste(scene: Rgb, layers: NDArray[np.uint8], rgba: NDArray[np.uint8], matrix: NDArray[np.float64]) -> None:
    """Lay a picture with its opacity over the scene, in place, as the top one of its layers [H,W].

    Only the rectangle that it touches is worked on.
    """
    side = rgba.shape[0]
    corners = np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]]) @ matrix.T
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, scene.shape[1::-1])
    if right <= left or bottom <= top:
        return
    moved = matrix - np.array([[0, 0, left], [0, 0, top]])
    laid = cv2.warpAffine(rgba, moved, (int(right - left), int(bottom - top)))
    below = scene[top:bottom, left:right]
    opacity = cv2.cvtColor(np.ascontiguousarray(laid[..., 3]), cv2.COLOR_GRAY2RGB)
    part = cv2.multiply(np.ascontiguousarray(laid[..., :3]), opacity, scale=1 / 255)
    rest = cv2.multiply(np.ascontiguousarray(below), 255 - opacity, scale=1 / 255)
    scene[top:bottom, left:right] = cv2.add(part, rest)
    layers[top:bottom, left:right][laid[..., 3] > 127] = layers.max() + 1


def similarity(side: int, length: float, degrees: float, middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The map of a square picture of `side` pixels to one of `length`, turned clockwise, its middle at `middle`."""
    return around_point(np.full(2, (side - 1) / 2, np.float32), length / side, degrees, middle, False)


def around_point(
    point: NDArray[np.float32], scale: float, degrees: float, goal: NDArray[np.float64], flipped: bool
) -> NDArray[np.float64]:
    """Scale, turn clockwise (as seen) and, first, mirror around `point`, which goes to `goal`. [2,3]."""
    sine, cosine = np.sin(np.radians(degrees)) * scale, np.cos(np.radians(degrees)) * scale
    turned = np.array([[cosine, -sine], [sine, cosine]])
    if flipped:
        turned[:, 0] *= -1
    return np.concatenate((turned, (goal - turned @ point)[:, None]), axis=1)


def draw_roll(rng: np.random.Generator) -> float:
    """Degrees: half of the faces nearly upright, the others at any roll."""
    return float(rng.normal(0, 12)) if rng.random() < UPRIGHT else float(rng.uniform(-180, 180))
