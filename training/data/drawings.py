"""Files of holes that people have drawn: sketches of Quick, Draw!, or the irregular masks of Liu et al."""

from __future__ import annotations

from pathlib import Path

import safetensors

from training.data.sketches import Sketches
from training.data.stored_holes import StoredHoles
from training.data.table import DataError

Drawings = Sketches | StoredHoles


def open_drawings(file: Path) -> Drawings:
    """What training.prepare quickdraw or irregular has written. Raises DataError."""
    try:
        with safetensors.safe_open(str(file), framework="numpy") as opened:
            arrays = set(opened.keys())
    except (OSError, safetensors.SafetensorError) as error:
        raise DataError(f"{file} is no file of training.prepare quickdraw or irregular") from error
    return StoredHoles(file) if "bits" in arrays else Sketches(file)
