import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.data.importers.agreement import require_agreement
from training.data.importers.source import Unusable
from training.data.parsing import CELEBAMASK_HQ, HELEN, merge_table

FACES = DrawnFaces(6, 96, seed=4)


def test_a_faces_own_landmarks_agree_with_its_map() -> None:
    for index in range(len(FACES)):
        require_agreement(FACES.landmarks(index), FACES.parsing(index), 11)


@pytest.mark.parametrize("change", ["moved", "upside down", "of nothing"])
def test_landmarks_of_something_else_do_not(change: str) -> None:
    points = FACES.landmarks(0)
    middle = points.mean(axis=0)
    changed = {
        "moved": points + np.float32([30, 0]),
        "upside down": 2 * middle - points,
        "of nothing": np.full_like(points, 40) + np.arange(68, dtype=np.float32)[:, None] / 68,
    }[change]
    with pytest.raises(Unusable, match=r"landmarks and map disagree: the middle of the eyes lies .* pixels away"):
        require_agreement(changed, FACES.parsing(0), 11)


def test_a_mouth_alone_can_disagree() -> None:
    points = FACES.landmarks(0)
    points[48:] += np.float32([0, 25])
    with pytest.raises(Unusable, match="the middle of the mouth lies"):
        require_agreement(points, FACES.parsing(0), 11)


def test_what_a_map_does_not_show_says_nothing() -> None:
    parsing = FACES.parsing(0)
    parsing[np.isin(parsing, [HELEN.index("left_eye"), *range(7, 10)])] = HELEN.index("skin")
    require_agreement(FACES.landmarks(0) + np.float32([30, 0]), parsing, 11)


def test_of_eyes_that_are_one_class_only_the_mouth_counts() -> None:
    table = merge_table(19, 14)
    assert table is not None
    parsing = np.full((96, 96), CELEBAMASK_HQ.index("skin"), np.uint8)
    for name in HELEN:
        if name in CELEBAMASK_HQ:
            parsing[FACES.parsing(1) == HELEN.index(name)] = CELEBAMASK_HQ.index(name)
    landmarks = FACES.landmarks(1)
    require_agreement(landmarks, table[parsing], 14)
    landmarks[36:48] += np.float32([20, 0])
    require_agreement(landmarks, table[parsing], 14)
    with pytest.raises(Unusable, match="the middle of the mouth"):
        require_agreement(landmarks + np.float32([30, 0]), table[parsing], 14)
