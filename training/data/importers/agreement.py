"""Whether what was found in a picture is a face: landmarks must lie where a parsing map has eyes and mouth, and look
like a face's where nobody has drawn them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.frames import MOUTH, FrameError, middle_of
from training.data.importers.source import Unusable
from training.data.landmarks import LEFT_EYE, OUTER_LIPS, RIGHT_EYE, to_68

FURTHEST = 0.35  # of the eyes' distance: landmarks further from the map's eyes or mouth are another face's, or none's


def require_agreement(landmarks: NDArray[np.float32], parsing: NDArray[np.uint8], classes: int) -> None:
    """Raises Unusable if the eyes or the mouth of the landmarks [N,2] lie far from those of the map [S,S].

    A part that the map does not show says nothing.
    """
    points = to_68(landmarks)
    eyes = [points[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE)]
    between = float(np.linalg.norm(eyes[0] - eyes[1]))
    for what, found, names in (
        ("eyes", np.mean(eyes, axis=0), ("left_eye", "right_eye")),
        ("mouth", points[list(OUTER_LIPS)].mean(axis=0), MOUTH),
    ):
        try:
            sides = [middle_of(parsing, classes, (name,)) for name in names] if what == "eyes" else []
            there = np.mean(sides, axis=0) if sides else middle_of(parsing, classes, names)
        except FrameError:
            continue
        away = float(np.linalg.norm(found - there))
        if not away <= FURTHEST * between:
            raise Unusable("landmarks and map disagree", f"the {what} lie {away:.0f} pixels apart")
