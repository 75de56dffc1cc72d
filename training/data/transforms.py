"""Random changes of a training face: picture and landmarks (and parsing map) together.

Every function takes a numpy Generator and is deterministic in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.landmarks import flip as flip_landmarks
from training.data.parsing import IGNORE


@dataclass(frozen=True)
class Jitter:
    """How far a face is moved in its frame, and its colours changed; each value is drawn uniformly."""

    rotation_degrees: float = 0.0  # +- this
    scale: float = 0.0  # factor within 1 +- this, log-uniform
    shift: float = 0.0  # of the frame's side, +- this, x and y
    colour: float = 0.0  # brightness, contrast and each channel's gain within 1 +- this
    blur: float = 0.0  # probability of a blur or a shrink-and-enlarge


@dataclass(frozen=True)
class Motion:
    """Where a face goes: the affine map [2,3] from its picture's pixels to those of the frame; None = only resized."""

    matrix: NDArray[np.float64] | None
    scale: float  # pixels of the frame for one of the picture's
    pixels: int  # side of the frame


def flip(picture: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Mirror left to right; landmark pairs change places."""
    return np.ascontiguousarray(picture[:, ::-1]), flip_landmarks(landmarks, picture.shape[1])


def draw_motion(jitter: Jitter, side: int, pixels: int, rng: np.random.Generator) -> Motion:
    """Rotation, scale and shift by `jitter` on the way from a picture of `side` pixels to a frame of `pixels`."""
    if jitter.rotation_degrees == jitter.scale == jitter.shift == 0:
        return Motion(None, pixels / side, pixels)
    angle = float(rng.uniform(-1, 1)) * jitter.rotation_degrees
    scale = float(np.exp(rng.uniform(-1, 1) * np.log1p(jitter.scale)))
    shift = rng.uniform(-1, 1, 2) * jitter.shift * side
    centre = (side - 1) / 2
    matrix = np.asarray(cv2.getRotationMatrix2D((centre, centre), angle, scale), dtype=np.float64)
    matrix[:, 2] += shift
    ratio = pixels / side
    matrix = matrix * ratio
    matrix[:, 2] += (ratio - 1) / 2  # pixel centres
    return Motion(matrix, ratio * scale, pixels)


def move(
    picture: NDArray[np.uint8], landmarks: NDArray[np.float32], motion: Motion
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Picture [S,S,3] and landmarks [N,2] in the frame, in one resampling; borders reflect."""
    if motion.matrix is None:
        return resize(picture, landmarks, motion.pixels)
    if motion.scale <= 0.7:  # warpAffine does not average: blur before shrinking
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.45 / motion.scale), dtype=np.uint8)
    size = (motion.pixels, motion.pixels)
    moved = cv2.warpAffine(picture, motion.matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    points = landmarks @ motion.matrix[:, :2].T + motion.matrix[:, 2]
    return np.asarray(moved, dtype=np.uint8), points.astype(np.float32)


def move_parsing(parsing: NDArray[np.uint8], motion: Motion) -> NDArray[np.uint8]:
    """A parsing map [S,S] in the frame, nearest neighbour; beyond its borders nothing is known."""
    size = (motion.pixels, motion.pixels)
    if motion.matrix is None:
        return np.asarray(cv2.resize(parsing, size, interpolation=cv2.INTER_NEAREST_EXACT), dtype=np.uint8)
    moved = cv2.warpAffine(
        parsing,
        motion.matrix,
        size,
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(IGNORE,),
    )
    return np.asarray(moved, dtype=np.uint8)


def resize(
    picture: NDArray[np.uint8], landmarks: NDArray[np.float32], pixels: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """To [pixels,pixels,3], by area when shrinking."""
    side = picture.shape[0]
    if side == pixels:
        return picture, landmarks
    interpolation = cv2.INTER_AREA if pixels < side else cv2.INTER_CUBIC
    resized = cv2.resize(picture, (pixels, pixels), interpolation=interpolation)
    points = (landmarks + 0.5) * (pixels / side) - 0.5
    return np.asarray(resized, dtype=np.uint8), points.astype(np.float32)


def recolour(picture: NDArray[np.uint8], jitter: Jitter, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change brightness, contrast and channel gains; sometimes blur."""
    if jitter.colour == 0 and jitter.blur == 0:
        return picture
    gains = 1 + rng.uniform(-1, 1, 3) * jitter.colour * 0.4
    contrast = 1 + rng.uniform(-1, 1) * jitter.colour
    brightness = rng.uniform(-1, 1) * jitter.colour * 128
    table = (np.arange(256.0)[:, None] - 128) * (gains * contrast) + 128 + brightness  # byte -> value, [256,3]
    grey = rng.random() < 0.15 * (jitter.colour > 0)
    blurred = rng.random() < jitter.blur
    if not grey and not blurred:
        return np.asarray(cv2.LUT(picture, as_bytes(table)[None]), dtype=np.uint8)
    changed = np.stack([table[picture[..., channel], channel] for channel in range(3)], axis=2)
    if grey:
        changed = np.repeat(changed.mean(axis=2, keepdims=True), 3, axis=2)
    if blurred:
        sigma = float(rng.uniform(0.5, 2.0)) * picture.shape[0] / 256
        changed = np.asarray(cv2.GaussianBlur(changed.astype(np.float32), (0, 0), sigma))
    return as_bytes(changed)


def as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.clip(values, 0, 255).astype(np.uint8)
