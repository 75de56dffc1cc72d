"""The arrays that travel through the service, by name, and the asserts that guard the doors."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rgb: TypeAlias = NDArray[np.uint8]  # [H,W,3], sRGB
Alpha: TypeAlias = NDArray[np.uint8]  # [H,W], 255 = opaque
Hole: TypeAlias = NDArray[np.uint8]  # [H,W], 1 = missing, 0 = known
Weights: TypeAlias = NDArray[np.uint8]  # [H,W], 0..255: how much something counts at a pixel
Ids: TypeAlias = NDArray[np.uint8]  # [H,W], one class id a pixel: a parsing map
Floats: TypeAlias = NDArray[np.float32]  # [H,W] or [H,W,C]
Points: TypeAlias = NDArray[np.float64]  # [N,2], (x, y) in pixels; (0, 0) is the centre of the top left pixel
Size: TypeAlias = tuple[int, int]  # (height, width) in pixels


def assert_rgb(rgb: Rgb, size: Size | None = None) -> None:
    assert rgb.dtype == np.uint8, rgb.dtype
    assert rgb.shape == (*rgb.shape[:2], 3), rgb.shape
    assert size is None or rgb.shape[:2] == size, f"{rgb.shape[:2]} is not {size}"


def assert_plane(plane: NDArray[np.uint8], size: Size | None = None) -> None:
    """An alpha channel, a hole or a coverage: one byte per pixel."""
    assert plane.dtype == np.uint8, plane.dtype
    assert plane.ndim == 2, plane.shape
    assert size is None or plane.shape == size, f"{plane.shape} is not {size}"


def size_of(array: NDArray[np.uint8]) -> Size:
    """(height, width) of a picture or a plane."""
    return int(array.shape[0]), int(array.shape[1])
