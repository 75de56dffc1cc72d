"""Takes away the lattice that a network leaves in what it paints.

Transposed convolutions with stride 2, one after another, colour a picture by the place of a pixel in blocks of 4 x 4:
on smooth skin a pattern is seen, and enlarged it is a net. What a face holds has no such period. So the mean that each
place of the block has around a pixel, of what is finer than the block, is the lattice, and is taken off.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Rgb, assert_plane, assert_rgb, size_of

PERIOD_PIXELS = 4
SMOOTH = np.array([1, 2, 2, 2, 1], np.float32) / 8  # without a part of period 4 or 2
MOST_LEVELS = 6.0  # what is finer and stronger is drawn, an eyelid or a tooth, and counts so much at most
AROUND_BLOCKS = 3.0  # deviation of the neighbourhood that a mean is taken over
LEAST_SHARE = 0.02  # of a neighbourhood in the hole: with less, little is known of its lattice


def without_lattice(raw: Rgb, hole: Hole) -> Rgb:
    """The painting [F,F,3] without the pattern of period 4 inside the hole [F,F]; outside it stays as it is.

    A side that is no multiple of 4 comes from no such network, and stays too.
    """
    assert_rgb(raw)
    assert_plane(hole, size_of(raw))
    if any(side % PERIOD_PIXELS for side in size_of(raw)):
        return raw
    missing = hole[..., None].astype(np.float32)
    finer = raw - cv2.sepFilter2D(raw.astype(np.float32), -1, SMOOTH, SMOOTH, borderType=cv2.BORDER_REFLECT_101)
    sums = _local(_blocks(np.clip(finer, -MOST_LEVELS, MOST_LEVELS) * missing))
    shares = np.repeat(_local(_blocks(missing)), 3, axis=-1)
    means = np.asarray(sums / np.maximum(shares, np.float32(LEAST_SHARE)), dtype=np.float32)
    lattice = _pixels(means, raw.shape)
    answer = np.clip(np.rint(raw - lattice * missing), 0, 255)
    return np.asarray(answer, dtype=np.uint8)


def _blocks(values: Floats) -> Floats:
    """[F,F,C] -> [F/4,F/4,16 C]: the places of each block side by side."""
    rows, columns, channels = values.shape
    apart = values.reshape(rows // PERIOD_PIXELS, PERIOD_PIXELS, columns // PERIOD_PIXELS, PERIOD_PIXELS, channels)
    return np.ascontiguousarray(apart.transpose(0, 2, 1, 3, 4)).reshape(*apart.shape[::2][:2], -1)


def _pixels(blocks: Floats, shape: tuple[int, ...]) -> Floats:
    """The inverse of `_blocks`."""
    apart = blocks.reshape(*blocks.shape[:2], PERIOD_PIXELS, PERIOD_PIXELS, shape[2])
    return apart.transpose(0, 2, 1, 3, 4).reshape(shape)


def _local(blocks: NDArray[np.float32]) -> Floats:
    """The mean around each block, place by place."""
    blurred = cv2.GaussianBlur(blocks, (0, 0), AROUND_BLOCKS, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, dtype=np.float32).reshape(blocks.shape)
