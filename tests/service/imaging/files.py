"""Small files for the tests: every one is made here, byte by byte or by Pillow."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.imaging.decode import ImageLimits

LIMITS = ImageLimits(max_image_pixels=4_000_000, max_side_pixels=3_000, min_side_pixels=8)


def saved(image: Image.Image, name: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def gradient(height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    """No two corners alike, so that a turned or mirrored copy is told apart."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack((rows * 255 // height, columns * 255 // width, (rows + columns) % 256), axis=-1).astype(np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG from raw rows (each begins with its filter byte)."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join((header, *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")))


def grey16(values: NDArray[np.uint16], *extra: bytes) -> bytes:
    height, width = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(width, height, 16, 0, rows, *extra)


def with_orientation(image: Image.Image, orientation: int, name: str = "PNG", **options: Any) -> bytes:
    """The file of a camera that was held so that the viewer must turn the pixels as `orientation` says."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, name, exif=exif.tobytes(), **options)


def icc_profile(gamma: float, primaries: NDArray[np.float64], space: bytes = b"RGB ") -> bytes:
    """A small ICC display profile: one gamma, and the D50 XYZ of red, green and blue in the rows."""

    def xyz(values: NDArray[np.float64]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + b"\0" * 79
    tags = {b"desc": name, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(np.array([0.9642, 1.0, 0.8249]))}
    tags |= {kind: xyz(row) for kind, row in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for kind, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", kind, start + len(body), len(data))
        body += data
    rest = struct.pack(">I", len(tags)) + table + body
    head = struct.pack(">I4sI4s4s4s", 128 + len(rest), b"none", 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(
        ">6H4s4sIIIQIiii", 2024, 1, 1, 0, 0, 0, b"acsp", b"\0\0\0\0", 0, 0, 0, 0, 0, 63190, 65536, 54061
    )
    return head.ljust(128, b"\0") + rest


# D50 XYZ of the primaries, as in the published profiles.
ADOBE_RGB = icc_profile(2.2, np.array([[0.6097, 0.3111, 0.0195], [0.2053, 0.6257, 0.0609], [0.1492, 0.0632, 0.7446]]))
DISPLAY_P3 = icc_profile(2.2, np.array([[0.5151, 0.2412, -0.0011], [0.2920, 0.6922, 0.0419], [0.1571, 0.0666, 0.7841]]))
