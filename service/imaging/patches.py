"""Fills a hole with patches of the known part of one small picture, so that every patch over the hole has a likeness.

Two steps in turns (Wexler, Shechtman and Irani 2007): every patch that touches the hole looks for the known patch most
like it, then every hole pixel becomes the mean of what its patches say. The search is that of PatchMatch (Barnes et al.
2009): neighbours tell each other what they found, and chance, from a fixed seed, finds the rest. Patches are compared
by their first cosine coefficients. All pixels take each step together, so that numpy does the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Size
from service.imaging.holes import bounds
from service.imaging.seam import Mask

REACH_PIXELS = 3  # a patch is a square of 7 x 7
ORDERS = (5, 2, 2, 1, 1)  # of the cosines that a patch is compared by: of lightness, two chromas, two roughnesses
CHANNELS = len(ORDERS)
MOST_COMPARED = 8_000_000  # pairs of patches: up to here every pair is compared, beyond neighbours and chance must do
MOST_ROWS = 1024  # of a table of such pairs at a time
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
TELLING_STEPS_PIXELS = (4, 1, 1)
ROUNDS = 2  # of telling and guessing in one search
NARROWING = 3  # every guess looks this many times nearer than the one before
LOUD = 0.75  # quantile of the distances at which a patch's say has sunk to 0.6
LEAST_SPREAD = 4.0  # of squared distances: smaller differences are noise
SEED = 0

_angles = np.pi / (2 * REACH_PIXELS + 1) * (np.arange(2 * REACH_PIXELS + 1) + 0.5)
COSINES = [np.cos(order * _angles) * np.sqrt((2 if order else 1) / len(_angles)) for order in range(max(ORDERS) + 1)]
OPPONENTS = np.array(
    [[3**-0.5, 2**-0.5, 6**-0.5], [3**-0.5, 0, -2 * 6**-0.5], [3**-0.5, -(2**-0.5), 6**-0.5]], np.float32
)

Indices: TypeAlias = NDArray[np.int32]  # of pixels, counted row by row


@dataclass
class Level:
    """One picture at one resolution, whose hole is filled in place."""

    values: Floats  # [h,w,C]: colours, 0..255, and what else is to be alike
    hole: Mask  # [h,w]
    allowed: Mask  # [h,w]: True at the middle of each patch that may be copied

    @property
    def size(self) -> Size:
        return int(self.hole.shape[0]), int(self.hole.shape[1])


def allowed_middles(unusable: Mask) -> Mask:
    """[h,w]: where a patch lies in the picture and holds no unusable pixel."""
    side = 2 * REACH_PIXELS + 1
    near = cv2.dilate(unusable.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    near[:REACH_PIXELS] = near[-REACH_PIXELS:] = True
    near[:, :REACH_PIXELS] = near[:, -REACH_PIXELS:] = True
    return np.asarray(~near)


class _Says:
    """Which patches lie over each hole pixel; the same in every vote."""

    def __init__(self, hole: Mask) -> None:
        width = hole.shape[1]
        self.pixels = _marked(hole)
        rows, columns = np.divmod(self.pixels, width)
        reach = range(-REACH_PIXELS, REACH_PIXELS + 1)
        self.patches = [
            self._patch(rows + down, columns + across, down * width + across, hole.shape)
            for down in reach
            for across in reach
        ]

    @staticmethod
    def _patch(rows: Indices, columns: Indices, offset: int, size: Size) -> tuple[Indices, int, Floats | None]:
        """[n] the patches' middles, how far the pixel lies from them, and which are in the picture, if not all are."""
        inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
        middle = np.where(inside, rows * size[1] + columns, 0).astype(np.int32)
        return middle, offset, None if inside.all() else inside.astype(np.float32)


class Match:
    """For each patch that touches the hole, the known patch most like it. To be searched anew when the hole changes."""

    def __init__(self, level: Level, start: Indices | None = None) -> None:
        """`start` [h,w] holds a guess for every pixel; without it all guesses are chance."""
        self._level = level
        self._random = np.random.default_rng(SEED)
        square = np.ones((2 * REACH_PIXELS + 1, 2 * REACH_PIXELS + 1), np.uint8)
        touching = cv2.dilate(level.hole.astype(np.uint8), square)
        self._targets = _marked(touching)
        region = bounds(np.asarray(touching, np.uint8))
        assert region is not None, "a level has a hole"
        self._near = region.grown(REACH_PIXELS, level.size).slices
        self._places = _marked(touching[self._near])
        self._says = _Says(level.hole)
        self._sources, self._allowed = _marked(level.allowed), level.allowed.ravel()
        assert len(self._sources), "the caller sees to it that there is a patch to copy"
        self._known = _described(level.values, self._sources)
        self._row = np.zeros(level.hole.size, np.int32)
        self._row[self._sources] = np.arange(len(self._sources), dtype=np.int32)
        self._found = self._random.choice(self._sources, len(self._targets))
        if start is not None:
            wished = start.ravel()[self._targets]
            self._found = np.where(self._allowed[wished], wished, self._found)
        self._distance = np.zeros(len(self._targets), np.float32)

    def field(self) -> Indices:
        """[h,w]: the middle of the patch that a pixel's patch is like; far from the hole, the pixel itself."""
        field = np.arange(self._level.hole.size, dtype=np.int32)
        field[self._targets] = self._found
        return field.reshape(self._level.size)

    def search(self) -> None:
        """Look for better likenesses of what the hole holds now."""
        wanted = _described(self._level.values[self._near], self._places)
        if len(self._targets) * len(self._sources) <= MOST_COMPARED:
            lengths = np.einsum("nc,nc->n", self._known, self._known)
            self._found = self._sources[_nearest(wanted, self._known, lengths)]
        self._distance = _apart(wanted, self._known[self._row[self._found]])
        if len(self._targets) * len(self._sources) > MOST_COMPARED:
            for _ in range(ROUNDS):
                self._tell(wanted)
                self._guess(wanted)

    def vote(self) -> None:
        """Every hole pixel becomes the mean of what the patches over it say: the more alike, the louder."""
        loudness, field = self._loudness(), self.field().ravel()
        values = self._level.values.reshape(-1, self._level.values.shape[2])
        pixels = self._says.pixels
        sums, total = np.zeros((len(pixels), values.shape[1]), np.float32), np.zeros(len(pixels), np.float32)
        for middle, offset, inside in self._says.patches:
            weight = loudness[middle]
            if inside is not None:
                weight *= inside
            sums += np.take(values, field[middle] - offset, axis=0, mode="clip") * weight[:, None]
            total += weight
        values[pixels] = sums / total[:, None]

    def _loudness(self) -> Floats:
        """[h*w]: 0 for patches that do not touch the hole."""
        spread = max(float(np.quantile(self._distance, LOUD)), LEAST_SPREAD)
        loudness = np.zeros(self._level.hole.size, np.float32)
        loudness[self._targets] = np.exp(-self._distance / (2 * spread)) + np.float32(1e-6)
        return loudness

    def _tell(self, wanted: Floats) -> None:
        """What suits a neighbour may suit here, as many pixels further."""
        height, width = self._level.size
        rows, columns = np.divmod(self._targets, width)
        for step in TELLING_STEPS_PIXELS:
            for down, across in DIRECTIONS:
                row = np.clip(rows + down * step, 0, height - 1)
                column = np.clip(columns + across * step, 0, width - 1)
                theirs = self.field().ravel()[row * width + column]
                self._offer(wanted, theirs // width + rows - row, theirs % width + columns - column)

    def _guess(self, wanted: Floats) -> None:
        """Look around what was found, ever nearer."""
        radius, width = max(self._level.size), self._level.size[1]
        while radius >= 1:
            down, across = self._random.integers(-radius, radius + 1, (2, len(self._targets)))
            self._offer(wanted, self._found // width + down, self._found % width + across)
            radius //= NARROWING

    def _offer(self, wanted: Floats, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> None:
        """Take what is more alike than what was found."""
        height, width = self._level.size
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        offered = np.where(inside, rows * width + columns, 0).astype(np.int32)
        asked = np.flatnonzero(inside & self._allowed[offered] & (offered != self._found))
        distance = _apart(wanted[asked], self._known[self._row[offered[asked]]])
        better = distance < self._distance[asked]
        self._found[asked[better]] = offered[asked[better]]
        self._distance[asked[better]] = distance[better]


def peel(level: Level) -> None:
    """A first filling, layer by layer from the hole's edge: by the patch most like what is known around each pixel."""
    missing = level.hole.copy()
    sources = _marked(level.allowed)
    known = _patches(level.values, sources)
    values = level.values.reshape(-1, level.values.shape[2])
    while missing.any():
        layer = missing & (cv2.dilate((~missing).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        targets = _marked(layer)
        seen = _patches(np.repeat((~missing)[..., None], values.shape[1], axis=2).astype(np.float32), targets)
        values[targets] = values[
            sources[_nearest(_patches(level.values, targets) * seen, known, seen @ (known * known).T)]
        ]
        missing &= ~layer


def _nearest(wanted: Floats, known: Floats, lengths: Floats) -> NDArray[np.intp]:
    """[n]: which of the known [m,C] is nearest; lengths, [m] or [n,m], are the squared ones of the known."""
    found = np.empty(len(wanted), np.intp)
    for start in range(0, len(wanted), MOST_ROWS):
        rows = slice(start, start + MOST_ROWS)
        of_rows = lengths[rows] if lengths.ndim == 2 else lengths
        found[rows] = np.argmin(of_rows - 2 * (wanted[rows] @ known.T), axis=1)
    return found


def _apart(one: Floats, other: Floats) -> Floats:
    difference = one - other
    return np.asarray(np.einsum("nc,nc->n", difference, difference), dtype=np.float32)


def _patches(values: Floats, middles: Indices) -> Floats:
    """[n,49*C]: the patches around pixels; beyond the picture, its reflection."""
    reach, side = REACH_PIXELS, 2 * REACH_PIXELS + 1
    padded = cv2.copyMakeBorder(values, reach, reach, reach, reach, cv2.BORDER_REFLECT_101)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    rows, columns = np.divmod(middles, values.shape[1])
    return np.asarray(windows[rows, columns].reshape(len(middles), -1), dtype=np.float32)


def _described(values: Floats, middles: Indices) -> Floats:
    """[n,D]: the patches around pixels; squared distances are those of the patches without their finest detail."""
    lightness = values[..., :3] @ OPPONENTS
    planes = [*cv2.split(lightness), *cv2.split(values[..., 3:])]
    kernels = [
        (plane, COSINES[across], COSINES[down])
        for plane, order in zip(planes, ORDERS, strict=True)
        for down in range(order + 1)
        for across in range(order + 1 - down)
    ]
    described = np.empty((len(kernels), len(middles)), np.float32)
    for row, kernel in zip(described, kernels, strict=True):
        filtered = cv2.sepFilter2D(kernel[0], cv2.CV_32F, *kernel[1:], borderType=cv2.BORDER_REFLECT_101)
        np.take(filtered, middles, out=row, mode="clip")
    return np.ascontiguousarray(described.T)


def _marked(plane: NDArray[np.generic]) -> Indices:
    return np.flatnonzero(plane).astype(np.int32)
