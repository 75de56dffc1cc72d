"""Drawn pictures and masks, as arrays and as files. Small ones, which most tests ask for, are made once."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.uint8]
SMALL_BYTES = 1_000_000
KEPT = 64  # small pictures, and as many files


def scene(height: int = 300, width: int = 400, seed: int = 0) -> Plane:
    """[H,W,3] uint8: smooth colours with a little noise, different for every seed. The caller's own."""
    if height * width * 3 > SMALL_BYTES:
        return _drawn(height, width, seed)
    return _drawn_once(height, width, seed).copy()


def _drawn(height: int, width: int, seed: int) -> Plane:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / random.uniform(20, 60) + seed) + np.cos(y / random.uniform(20, 60)) for _ in range(3)]
    colours = 128 + 45 * np.stack(waves, axis=-1) + random.normal(0, 4, (height, width, 3))
    return np.clip(colours, 0, 255).astype(np.uint8)


_drawn_once = lru_cache(KEPT)(_drawn)


def box_mask(height: int = 300, width: int = 400, box: tuple[int, int, int, int] = (150, 100, 210, 160)) -> Plane:
    """[H,W] uint8, 255 inside the box x0, y0, x1, y1."""
    mask = np.zeros((height, width), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    return mask


def png(array: Plane, **options: object) -> bytes:
    """The array as a PNG file."""
    if options or array.dtype != np.uint8 or array.nbytes > SMALL_BYTES:
        return encoded(array, "PNG", **options)
    return _packed_once(array.tobytes(), array.shape)


@lru_cache(KEPT)
def _packed_once(values: bytes, shape: tuple[int, ...]) -> bytes:
    return encoded(np.frombuffer(values, np.uint8).reshape(shape), "PNG")


def encoded(array: Plane, kind: str, **options: object) -> bytes:
    """The array as a file of Pillow's format `kind`."""
    file = BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def pixels(data: bytes) -> Plane:
    """A file's pixels as they are stored."""
    return np.asarray(Image.open(BytesIO(data)))
