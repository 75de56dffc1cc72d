"""OpenCV's cascade in the finder's words."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.errors import OptionError
from training.papers.finder import cascade as module
from training.papers.finder.cascade import cascade

PORTRAIT = Path("service/web/samples/astronaut.jpg")
EYES, MOUTH = ((202, 101), (248, 101)), ((205, 148), (243, 148))  # about, as they lie in the portrait


def test_it_finds_an_upright_face_and_none_whose_middle_is_missing() -> None:
    picture = cv2.cvtColor(cv2.imread(str(PORTRAIT)), cv2.COLOR_BGR2RGB)
    hole = np.zeros(picture.shape[:2], np.uint8)
    (face,) = cascade()(picture, hole)
    centre = (np.mean(EYES, axis=0) + np.mean(MOUTH, axis=0)) / 2
    assert face[0] == 1
    assert face[1:3] == pytest.approx(centre, abs=12)
    assert 70 < face[3] < 130
    hole[85:165, 185:265] = 1
    assert len(cascade()(picture, hole)) == 0


def test_an_opencv_without_cascades_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE", Path("nowhere.xml"))
    with pytest.raises(OptionError, match=r"--baseline cascade: OpenCV .* has no cascades"):
        cascade()
