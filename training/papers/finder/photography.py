"""What a camera and a file do to a whole scene: light, colour, blur, noise, JPEG. Deterministic in the Generator."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]

GREY, DARK, BLURRED, NOISY, COMPRESSED, SEPIA = 0.12, 0.1, 0.2, 0.15, 0.35, 0.33  # how often; sepia: of the grey ones


def photograph(scene: Rgb, rng: np.random.Generator) -> Rgb:
    """The scene as a photograph of some quality. [H,W,3] -> [H,W,3]."""
    picture = lighten(scene, rng)
    if rng.random() < GREY:
        picture = as_grey(picture)
        if rng.random() < SEPIA:
            picture = np.asarray(cv2.LUT(picture, sepia_table()), dtype=np.uint8)
    if rng.random() < BLURRED:
        picture = blurred(picture, rng)
    if rng.random() < NOISY:
        picture = noisy(picture, rng)
    if rng.random() < COMPRESSED:
        picture = compressed(picture, int(rng.integers(20, 90)))
    return np.asarray(picture, dtype=np.uint8)


def sepia_table() -> Rgb:
    """Grey level -> brownish RGB, for `cv2.LUT`."""
    tints = np.arange(256)[:, None, None] * np.array((1.1, 0.95, 0.75))
    return np.clip(tints, 0, 255).astype(np.uint8)


def lighten(scene: Rgb, rng: np.random.Generator) -> Rgb:
    """Gamma, contrast and brightness; sometimes dark. One table for each channel."""
    level = np.arange(256) / 255
    dark = float(rng.uniform(0.15, 0.6)) if rng.random() < DARK else float(rng.uniform(0.8, 1.15))
    table = dark * level ** float(np.exp(rng.uniform(-0.4, 0.4)))
    table = (table - 0.4) * float(rng.uniform(0.7, 1.25)) + 0.4
    tables = np.clip(table[:, None] * rng.uniform(0.92, 1.08, 3) * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(scene, tables[:, None]), dtype=np.uint8)


def as_grey(picture: Rgb) -> Rgb:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def blurred(picture: Rgb, rng: np.random.Generator) -> Rgb:
    """Out of focus, or shrunk and enlarged."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.5, 2.0))), dtype=np.uint8)
    height, width = picture.shape[:2]
    share = float(rng.uniform(0.35, 0.9))
    small = cv2.resize(picture, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def noisy(picture: Rgb, rng: np.random.Generator) -> Rgb:
    """Gaussian grain, of one strip that repeats at random offsets: cheap."""
    strip = rng.normal(0, float(rng.uniform(2, 14)), 1 << 14).astype(np.int16)
    starts = rng.integers(0, strip.size - 3 * picture.shape[1], picture.shape[0])
    grain = strip[starts[:, None] + np.arange(3 * picture.shape[1])].reshape(picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def compressed(picture: Rgb, quality: int) -> Rgb:
    """As a JPEG of this quality leaves it (in any order of channels, which stays)."""
    ok, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
