"""Pictures to look at, written as files: what the disk refuses is said as the operating system says it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.checkpoint import write_atomically
from training.errors import OptionError

JPEG_QUALITY = 88
ENDINGS = (".png", ".jpg", ".jpeg")


def require_picture(path: Path) -> None:
    """OptionError unless the name says a kind of picture that is written here; to be asked before anything is drawn."""
    if path.suffix.lower() not in ENDINGS:
        raise OptionError(f"{path}: the picture's name must end with one of {', '.join(ENDINGS)}")


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """[H,W,3] uint8 RGB, in one step. Raises OptionError, DiskFullError or OSError."""
    require_picture(path)
    bgr = np.ascontiguousarray(picture[:, :, ::-1])
    options = [] if path.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    encoded, data = cv2.imencode(path.suffix.lower(), bgr, options)
    assert encoded, "OpenCV encodes every picture of bytes"
    write_atomically(path, lambda beside: beside.write_bytes(data.tobytes()))
