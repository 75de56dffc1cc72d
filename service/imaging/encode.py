"""Arrays -> the bytes of a file. No EXIF, no profile: the pixels are sRGB and nothing else is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from PIL import Image

from service.errors import SideTooLong
from service.imaging.arrays import Alpha, Ids, Rgb, Size, assert_plane, assert_rgb, size_of
from service.imaging.palette import Colour

JPEG_QUALITY = 95  # when the caller names none
# Trying every filter on every row would take almost twice as long and save 4 % of the bytes.
PNG_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
PNG_OPTIONS += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
PNG_INDEXED_LEVEL = 1  # areas of one class are long runs: more effort gains little
LONGEST_SIDE = {"image/png": 1_000_000, "image/jpeg": 65_500, "image/webp": 16_383}  # pixels, by the format itself


def encode(rgb: Rgb, alpha: Alpha | None, media_type: str, quality: int | None = None) -> bytes:
    """Encode [H,W,3] uint8 and an optional alpha channel. quality is 1..100 or None.

    image/png: lossless, quick compression; quality means nothing.
    image/jpeg: quality 95 when None, colour at full resolution; has no alpha, so the picture is laid on white.
    image/webp: lossless when quality is None or 100, transparent pixels' colours included.

    Raises:
        SideTooLong: the format cannot hold a side that long.
    """
    assert_rgb(rgb)
    assert quality is None or 1 <= quality <= 100
    assert media_type in WRITERS, media_type
    _check_side(rgb, media_type)
    if alpha is not None:
        assert_plane(alpha, size_of(rgb))
    return WRITERS[media_type](rgb, alpha, quality)


def most_bytes(size: Size, *, has_alpha: bool) -> int:
    """More than any encoding of a picture of this size takes, be it of pure noise."""
    height, width = size
    raw = height * width * (4 if has_alpha else 3)
    return raw + raw // 2 + 10_000


def encode_indexed(ids: Ids, colours: Sequence[Colour]) -> bytes:
    """A parsing map [H,W] as an indexed PNG: a pixel's index is its class, the palette holds one colour per class."""
    assert_plane(ids)
    image = Image.fromarray(ids).convert("L")
    image.putpalette([channel for colour in colours for channel in colour])
    return _saved(image, "PNG", compress_level=PNG_INDEXED_LEVEL)


def _png(rgb: Rgb, alpha: Alpha | None, quality: int | None) -> bytes:
    """By OpenCV, half of Pillow's time: run lengths instead of the full search, the same filter for every row."""
    swapped = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    written, data = cv2.imencode(".png", swapped if alpha is None else np.dstack((swapped, alpha)), PNG_OPTIONS)
    assert written
    return data.tobytes()


def _jpeg(rgb: Rgb, alpha: Alpha | None, quality: int | None) -> bytes:
    return _saved(Image.fromarray(_on_white(rgb, alpha)), "JPEG", quality=quality or JPEG_QUALITY, subsampling=0)


def _webp(rgb: Rgb, alpha: Alpha | None, quality: int | None) -> bytes:
    image = Image.fromarray(rgb if alpha is None else np.dstack((rgb, alpha)))
    if quality is None or quality == 100:
        return _saved(image, "WEBP", lossless=True, quality=0, method=0, exact=True)  # here quality is effort, not loss
    return _saved(image, "WEBP", quality=quality, method=4)


WRITERS = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}


def _saved(image: Image.Image, name: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def _on_white(rgb: Rgb, alpha: Alpha | None) -> Rgb:
    """Laid on white, rounded to the nearest; opaque pixels stay as they are."""
    if alpha is None:
        return rgb
    share = alpha[..., None].astype(np.uint16)
    return ((rgb * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)


def _check_side(rgb: Rgb, media_type: str) -> None:
    longer, allowed = max(size_of(rgb)), LONGEST_SIDE[media_type]
    if longer > allowed:
        raise SideTooLong(
            f"A side of {longer} pixels does not fit into {media_type}; {allowed} is the most. Ask for another format.",
            errors=[{"field": "output_format", "actual": longer, "allowed": allowed}],
        )
