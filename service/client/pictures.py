"""What may be sent as a picture: a path, a file's bytes, an open file, a Pillow image, an array.

Paths are streamed from the disk and opened anew for every try. Everything else lies in memory already. Pillow and
numpy are touched only when something of theirs is given.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    Picture: TypeAlias = (
        str | os.PathLike[str] | bytes | bytearray | IO[bytes] | Image | NDArray[np.uint8] | NDArray[np.bool_]
    )

Opener: TypeAlias = Callable[[], IO[bytes]]
PNG_COMPRESS_LEVEL = 1  # the fastest that still shrinks; the wire is rarely the bottleneck
PLAIN_MODES = frozenset({"1", "L", "LA", "RGB", "RGBA", "P"})  # of Pillow: what PNG holds as it is


def opener(picture: Picture) -> Opener:
    """A function that opens the picture's file from its beginning, as often as it is called.

    An array is [H,W] (uint8, or bool: True is white) or [H,W,3|4] uint8, RGB or RGBA. It is encoded here, once, as are
    Pillow's images. Raises OSError where a path cannot be read, TypeError or ValueError for what is no picture.
    """
    if isinstance(picture, bytes | bytearray | memoryview):
        return _from_bytes(bytes(picture))
    if isinstance(picture, str | os.PathLike):
        return _from_path(Path(picture))
    if isinstance(picture, _class("numpy", "ndarray")):
        return _from_bytes(_png(_image_of(picture)))
    if isinstance(picture, _class("PIL.Image", "Image")):
        return _from_bytes(_png(picture))
    if hasattr(picture, "read"):
        return _from_bytes(picture.read())
    raise TypeError(f"{type(picture).__name__} is no picture: give a path, bytes, an open file, an image or an array")


def _from_bytes(data: bytes) -> Opener:
    return lambda: BytesIO(data)


def _from_path(path: Path) -> Opener:
    with path.open("rb"):  # a path that cannot be read fails here, before anything is sent
        return lambda: path.open("rb")


def _class(module: str, name: str) -> type | tuple[()]:
    """A class of a module that is loaded already; nothing is an instance of () otherwise."""
    loaded = sys.modules.get(module)
    return getattr(loaded, name) if loaded is not None else ()


def _image_of(array: Any) -> Image:
    from PIL.Image import fromarray

    if array.dtype == bool and array.ndim == 2:
        array = array.astype("uint8") * 255
    if array.dtype != "uint8" or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ValueError(
            f"an array of shape {array.shape} and type {array.dtype} is no picture: "
            "give [H,W], [H,W,3] or [H,W,4] of uint8, or [H,W] of bool"
        )
    return fromarray(array)


def _png(image: Any) -> bytes:
    """The pixels as a PNG file, turned upright as EXIF says: a PNG made by Pillow would lose the orientation."""
    from PIL import ImageOps

    if image.mode not in PLAIN_MODES:
        raise ValueError(f"an image of mode {image.mode} is not sent as it is: convert it to RGB, RGBA or L first")
    file = BytesIO()
    ImageOps.exif_transpose(image).save(file, "PNG", compress_level=PNG_COMPRESS_LEVEL)
    return file.getvalue()
