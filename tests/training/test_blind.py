"""How faces and systems are dealt to a blind sheet, and what is drawn of each."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from training.blind import ACROSS, deal, draw_blind
from training.data.drawn import DrawnFaces
from training.errors import OptionError
from training.framed import frame_faces
from training.given import Answer, Given
from training.methods import Method
from training.side_by_side import TITLE_PIXELS


def painter(grey: int) -> Method:
    return Method(f"grey {grey}", lambda given: Answer(raw=given.image * 0 + grey))


def test_each_system_gets_its_share_in_an_order_that_only_the_seed_decides() -> None:
    order, turns = deal(64, 5, 0)
    assert sorted(order) == list(range(64))
    assert order != list(range(64))
    assert set(Counter(turns).values()) == {12, 13}
    assert deal(64, 5, 0) == (order, turns) != deal(64, 5, 1)


def test_the_key_says_who_painted_what_is_seen() -> None:
    faces = frame_faces(DrawnFaces(9, 32, seed=2), 32)
    sheet, key = draw_blind([painter(10), painter(240)], faces, ["center"], 0, 32, "cpu")
    height = 32 + TITLE_PIXELS
    assert sheet.shape == (2 * height, ACROSS * 32, 3)
    for shown in key:
        row, column = divmod(shown.number - 1, ACROSS)
        middle = sheet[row * height + TITLE_PIXELS + 16, column * 32 + 16]
        assert (middle == int(shown.system.split()[1])).all()
    assert (sheet[height:, 32:] == 255).all()
    assert not np.array_equal(sheet[TITLE_PIXELS:height, :32], sheet[TITLE_PIXELS:height, 32:64])


def test_who_paints_nothing_is_named() -> None:
    def nothing(given: Given) -> Answer:
        return Answer()

    with pytest.raises(OptionError, match="blank completes no pictures"):
        draw_blind([Method("blank", nothing)], frame_faces(DrawnFaces(1, 32), 32), ["center"], 0, 32, "cpu")
