"""Landmarks by FAN (Bulat and Tzimiropoulos 2017), through the package face-alignment and a file of weights.

The package would fetch its weights by itself; here it gets the file that the user names, and nothing else.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.frames import box_of_frame
from training.data.importers.source import Unusable
from training.data.landmarks import COUNT
from training.data.table import DataError
from training.errors import OptionError


class Fan:
    """Opens the network. Raises OptionError without the package, DataError for a file that holds no such weights."""

    def __init__(self, file: Path, device: str = "cpu") -> None:
        self.description = f"FAN, {file.name}"
        check_weights(file)
        self._network = open_network(file, device)
        self._one_at_a_time = Lock()

    def known(self, name: str) -> None:
        return None

    def look(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        box = box_of_frame(frame.shape[0])
        right, bottom = box.left + box.side_pixels, box.top + box.side_pixels
        with self._one_at_a_time:
            found = self._network.get_landmarks_from_image(frame, detected_faces=[[box.left, box.top, right, bottom]])
        if found is None or len(found) != 1 or np.shape(found[0]) != (COUNT, 2):
            raise Unusable("FAN finds no landmarks")
        return np.asarray(found[0], dtype=np.float32)


def check_weights(file: Path) -> None:
    """Raises DataError unless the file holds tensors and nothing that runs: the package would load anything."""
    if not file.is_file():
        raise DataError(f"there is no file {file}")
    try:
        torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise DataError(f"{file} holds no plain weights of FAN") from error


def open_network(file: Path, device: str) -> Any:
    """The package's 2D network with those weights; faces are given to it, so it needs no detector."""
    try:
        import face_alignment
        import face_alignment.api
    except ImportError as error:
        raise OptionError(
            f"--landmarks fan needs the extra `landmarks` (pip install '.[landmarks]'): {error}"
        ) from error
    face_alignment.api.load_file_from_url = lambda *_, **__: str(file)
    kind = face_alignment.LandmarksType.TWO_D
    try:
        return face_alignment.FaceAlignment(kind, device=device, face_detector="folder", compile=False)
    except RuntimeError as error:
        raise DataError(f"{file} holds no weights of 2DFAN-4") from error
