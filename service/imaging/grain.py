"""Gives an enlarged painting the grain of the photograph around it; without it a fill looks like plastic.

Grain is what is left of the known pixels when their blur is taken away, in places without edges. It is measured in two
octaves, one pixel and two pixels wide, with the channels' covariance, so that grey grain stays grey. What the painting
lacks of it is drawn from a fixed seed: equal pictures get equal grain.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Rgb, assert_plane, assert_rgb, size_of

OCTAVES = 2
FLAT_SHARE = 0.5  # of the pixels, those with the smallest slope, that count as free of edges
OUTLIER = 3.0  # in deviations: what lies beyond is no grain
LEAST_PIXELS = 64  # below that nothing can be said
SAMPLE_PIXELS, MOST_SAMPLES = 128, 48  # side of the squares that are looked at, and how many
MARGIN_PIXELS = 8  # of a square, where its filters see the next one
NORMAL = 1.4826  # a normal deviation in median absolute ones
LEAST_DEVIATION = 0.4  # levels: less is rounding
SEED = 0
ROWS = 256  # drawn at a time
HIGH_PASS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6  # white noise keeps its deviation

Covariance = NDArray[np.float64]  # [3,3] of the channels, squared levels


@dataclass(frozen=True)
class Grain:
    """The covariance in every octave, the finest first."""

    octaves: tuple[Covariance, ...]

    def beyond(self, other: Grain) -> Grain:
        """What this has more of than the other."""
        return Grain(tuple(_positive(one - less) for one, less in zip(self.octaves, other.octaves, strict=True)))

    @property
    def deviation(self) -> float:
        """Levels, of the finest octave."""
        return float(np.sqrt(np.trace(self.octaves[0]) / 3))


def grain_of(rgb: Rgb, among: Hole) -> Grain:
    """The grain of the pixels [H,W] where `among` is 1. Too few of them have none."""
    assert_rgb(rgb)
    assert_plane(among, size_of(rgb))
    octaves: list[Covariance] = []
    values, plane = _samples(rgb, among)
    for _ in range(OCTAVES):
        octaves.append(_covariance(values, plane))
        size = max(1, values.shape[1] // 2), max(1, values.shape[0] // 2)
        values = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        plane = np.asarray(cv2.resize(plane * np.uint8(255), size, interpolation=cv2.INTER_AREA) == 255, dtype=np.uint8)
    # The finer octave's noise, halved by averaging, is in the coarser one too.
    return Grain((octaves[0], *(_positive(coarse - fine / 4) for fine, coarse in pairwise(octaves))))


def _samples(rgb: Rgb, among: Hole) -> tuple[Floats, Hole]:
    """Squares of the picture and of `among` below one another: those that have pixels to look at, evenly chosen."""
    height, width = size_of(among)
    corners = [(y, x) for y in range(0, height, SAMPLE_PIXELS) for x in range(0, width, SAMPLE_PIXELS)]
    cuts = [(slice(y, y + SAMPLE_PIXELS), slice(x, x + SAMPLE_PIXELS)) for y, x in corners]
    seen = [cut for cut in cuts if among[cut].any()] or cuts[:1]
    chosen = seen[:: -(-len(seen) // MOST_SAMPLES)]
    values = np.zeros((len(chosen) * SAMPLE_PIXELS, SAMPLE_PIXELS, 3), np.float32)
    plane = np.zeros(values.shape[:2], np.uint8)
    for index, cut in enumerate(chosen):
        top, part = index * SAMPLE_PIXELS, rgb[cut]
        values[top : top + part.shape[0], : part.shape[1]] = part
        inner = plane[top : top + part.shape[0], : part.shape[1]]
        inner[...] = among[cut]
        inner[:MARGIN_PIXELS] = inner[-MARGIN_PIXELS:] = 0
        inner[:, :MARGIN_PIXELS] = inner[:, -MARGIN_PIXELS:] = 0
    return values, plane


def add_grain(rgb: Rgb, hole: Hole, grain: Grain) -> None:
    """Draw it over the hole's pixels, in place."""
    roots = [_root(covariance) for covariance in grain.octaves]
    if not any(root.any() for root in roots):
        return
    random = np.random.default_rng(SEED)
    for top in range(0, len(rgb), ROWS):
        inside = hole[top : top + ROWS] > 0
        noise = _drawn(random, inside.shape, roots)
        rows = rgb[top : top + ROWS]
        np.copyto(rows, np.clip(np.rint(rows + noise), 0, 255).astype(np.uint8), where=inside[..., None])


def _drawn(random: np.random.Generator, size: tuple[int, ...], roots: list[Floats]) -> Floats:
    """[h,w,3] levels. A coarser octave is drawn smaller, and enlarged by repeating: its blocks are two pixels wide."""
    noise = np.zeros((*size, 3), np.float32)
    for octave, root in enumerate(roots):
        side = 2**octave
        small = random.standard_normal((-(-size[0] // side), -(-size[1] // side), 3), np.float32) @ root
        noise += small.repeat(side, axis=0).repeat(side, axis=1)[: size[0], : size[1]]
    return noise


def _covariance(values: Floats, among: Hole) -> Covariance:
    """Of the high-passed pixels in flat places, outliers left out."""
    inner = cv2.erode(among, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    places = np.flatnonzero(inner)
    if len(places) < LEAST_PIXELS:
        return np.zeros((3, 3))
    slopes = _slope(values).ravel()[places]
    places = places[slopes <= np.quantile(slopes, FLAT_SHARE)]
    high = cv2.filter2D(values, -1, HIGH_PASS).reshape(-1, 3)[places].astype(np.float64)
    size = np.abs(high)
    usual = np.all(size <= OUTLIER * NORMAL * np.median(size, axis=0) + 1e-6, axis=1)
    kept = high[usual]
    if len(kept) < LEAST_PIXELS or np.sqrt((kept**2).mean()) < LEAST_DEVIATION:
        return np.zeros((3, 3))
    return np.asarray(kept.T @ kept / len(kept), dtype=np.float64)


def _slope(values: Floats) -> Floats:
    """[h,w]: of the blurred lightness."""
    grey = cv2.GaussianBlur(values.mean(axis=2), (0, 0), 2)
    return np.asarray(np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1)), dtype=np.float32)


def _root(covariance: Covariance) -> Floats:
    """[3,3]: independent normal numbers times this have the covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T, dtype=np.float32)


def _positive(difference: Covariance) -> Covariance:
    """The nearest that can be a covariance."""
    values, vectors = np.linalg.eigh(difference)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T, dtype=np.float64)
