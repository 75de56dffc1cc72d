"""Whether what was found in a picture is a face: landmarks must lie where a parsing map has eyes and mouth, and look
like a face's where nobody has drawn them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.frames import EYES, MOUTH, FrameError, middle_of
from training.data.importers.source import Unusable
from training.data.landmarks import LEFT_EYE, OUTER_LIPS, RIGHT_EYE, to_68
from training.data.parsing import CLASS_SETS

FURTHEST = 0.35  # of the eyes' distance: landmarks further from the map's eyes or mouth are another face's, or none's


def require_agreement(landmarks: NDArray[np.float32], parsing: NDArray[np.uint8], classes: int) -> None:
    """Raises Unusable if the eyes or the mouth of the landmarks [N,2] lie far from those of the map [S,S].

    What the map does not show says nothing, nor do eyes in a set of classes that does not tell left from right: one of
    them alone would lie beside the middle.
    """
    points = to_68(landmarks)
    eyes = [points[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE)]
    furthest = FURTHEST * float(np.linalg.norm(eyes[0] - eyes[1]))
    parts: dict[str, tuple[NDArray[np.float32], list[tuple[str, ...]]]] = {
        "mouth": (points[list(OUTER_LIPS)].mean(axis=0), [MOUTH])
    }
    if set(EYES) <= set(CLASS_SETS[classes]):
        parts = {"eyes": (np.mean(eyes, axis=0), [(eye,) for eye in EYES]), **parts}
    for what, (found, sides) in parts.items():
        try:
            there = np.mean([middle_of(parsing, classes, names) for names in sides], axis=0)
        except FrameError:
            continue
        away = float(np.linalg.norm(found - there))
        if not away <= furthest:
            raise Unusable("landmarks and map disagree", f"the middle of the {what} lies {away:.0f} pixels away")
