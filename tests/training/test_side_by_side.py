"""Methods side by side on a sheet: titles, masked, each method's picture, the truth."""

from __future__ import annotations

import numpy as np

from training.data.drawn import DrawnFaces
from training.framed import frame_faces
from training.given import Answer
from training.methods import Method
from training.side_by_side import NUMBER_PIXELS, SIDE_PIXELS, TITLE_PIXELS, compare_pictures

METHODS = [Method("grey", lambda given: Answer(raw=given.image * 0 + 90)), Method("blank", lambda given: Answer())]


def test_every_face_has_a_row_and_every_method_a_column() -> None:
    faces = frame_faces(DrawnFaces(2, 128, seed=2), 128)
    sheet = compare_pictures(METHODS, faces, ["center", "eyes"], 0, "cpu")
    assert sheet.shape == (TITLE_PIXELS + 2 * SIDE_PIXELS, NUMBER_PIXELS + 4 * SIDE_PIXELS, 3)
    first = sheet[TITLE_PIXELS : TITLE_PIXELS + SIDE_PIXELS, NUMBER_PIXELS:]
    masked, grey, blank, true = (first[:, place * SIDE_PIXELS : (place + 1) * SIDE_PIXELS] for place in range(4))
    assert np.array_equal(true, faces.faces.image(0))
    assert (masked[40:90, 40:90] == 255).all()
    assert (grey[40:90, 40:90] == 90).all()
    assert np.array_equal(grey[:30], true[:30])
    assert (blank == 255).all()
    assert (sheet[:TITLE_PIXELS, NUMBER_PIXELS:] < 128).any()  # titles
    assert (sheet[TITLE_PIXELS:, :NUMBER_PIXELS] < 128).any()  # numbers and kinds
