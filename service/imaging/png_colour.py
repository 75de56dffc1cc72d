"""The colours of a PNG that carries no ICC profile: its chunks cICP and gAMA say how its numbers are meant.

cICP (coding-independent code points, ITU-T H.273) wins over gAMA, and so does sRGB. Brightness beyond white (PQ, HLG)
does not fit into the answer, so such pictures are refused rather than shown grey.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.imaging.arrays import Rgb

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SRGB_GAMMA = 1 / 2.2
SAME_GAMMA = 0.02  # of the gamma: a file that differs less means sRGB
ROWS = 256  # converted at a time

# H.273, table 2: red, green, blue, white as (x, y).
WHITE_D65 = (0.3127, 0.3290)
PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), WHITE_D65),  # BT.709 and sRGB
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), WHITE_D65),  # BT.601, 625 lines
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), WHITE_D65),  # BT.601, 525 lines
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), WHITE_D65),  # BT.2020
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), WHITE_D65),  # Display P3
}
BT709, SRGB = 1, 13
BRIGHT = frozenset({16, 18})  # PQ and HLG

Floats64 = NDArray[np.float64]


def _bt709(values: Floats64) -> Floats64:
    return np.where(values < 0.081, values / 4.5, ((values + 0.099) / 1.099) ** (1 / 0.45))


def _srgb(values: Floats64) -> Floats64:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


# H.273, table 3: from the file's numbers, 0..1, to light.
TRANSFERS: dict[int, Callable[[Floats64], Floats64]] = {
    1: _bt709,
    4: lambda values: values**2.2,
    5: lambda values: values**2.8,
    6: _bt709,
    8: lambda values: values,
    13: _srgb,
    14: _bt709,
    15: _bt709,
}


@dataclass(frozen=True)
class Meaning:
    """How a PNG's numbers become sRGB's: through light, and through a matrix where its primaries are others."""

    light: Floats64  # [256]: of each number
    matrix: Floats64 | None  # [3,3]: its light -> sRGB's

    def applied(self, image: Image.Image) -> Image.Image:
        """In sRGB; of mode L or RGB before, RGB after."""
        rgb = np.asarray(image.convert("RGB"))
        converted = np.empty_like(rgb)
        for top in range(0, len(rgb), ROWS):
            converted[top : top + ROWS] = self._rows(rgb[top : top + ROWS])
        return Image.fromarray(converted)

    def _rows(self, rgb: Rgb) -> Rgb:
        if self.matrix is None:
            return np.asarray(_to_srgb(self.light)[rgb], dtype=np.uint8)
        return _to_srgb(self.light[rgb] @ self.matrix.T)


class Unshowable(ValueError):
    """A PNG whose colours do not fit into sRGB's eight bits."""


def meaning_of(data: bytes) -> Meaning | None:
    """None for a PNG that means sRGB, or does not say. Raises Unshowable."""
    chunks = _chunks(data)
    if "cICP" in chunks and len(chunks["cICP"]) == 4:
        return _by_code_points(*chunks["cICP"])
    if "iCCP" in chunks or "sRGB" in chunks or len(chunks.get("gAMA", b"")) != 4:
        return None
    gamma = int.from_bytes(chunks["gAMA"], "big") / 100_000
    if gamma <= 0 or abs(gamma - SRGB_GAMMA) <= SAME_GAMMA:
        return None
    return Meaning((np.arange(256) / 255) ** (1 / gamma), None)


def _by_code_points(primaries: int, transfer: int, matrix: int, full_range: int) -> Meaning | None:
    if transfer in BRIGHT:
        raise Unshowable("high dynamic range")
    known = primaries in PRIMARIES and transfer in TRANSFERS and matrix == 0
    if not known or (primaries == BT709 and transfer == SRGB and full_range):
        return None
    numbers = np.arange(256) / 255 if full_range else np.clip((np.arange(256) - 16) / 219, 0, 1)
    to_srgb = None if primaries == BT709 else np.linalg.inv(_to_xyz(BT709)) @ _to_xyz(primaries)
    return Meaning(TRANSFERS[transfer](numbers), to_srgb)


def _to_xyz(primaries: int) -> Floats64:
    """[3,3]: light of the primaries -> CIE XYZ; (1, 1, 1) is white."""
    *colours, white = (np.array((x / y, 1, (1 - x - y) / y)) for x, y in PRIMARIES[primaries])
    columns = np.stack(colours, axis=1)
    return columns * np.linalg.solve(columns, white)


def _to_srgb(light: Floats64) -> Rgb:
    inside = np.clip(light, 0, 1)
    values = np.where(inside <= 0.0031308, inside * 12.92, 1.055 * inside ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(values * 255), dtype=np.uint8)


def _chunks(data: bytes) -> dict[str, bytes]:
    """The chunks before the pixels, by name."""
    chunks: dict[str, bytes] = {}
    position = len(SIGNATURE) if data.startswith(SIGNATURE) else len(data)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        name = data[position + 4 : position + 8]
        if name == b"IDAT":
            break
        chunks.setdefault(name.decode("latin-1"), data[position + 8 : position + 8 + length])
        position += 12 + length
    return chunks
