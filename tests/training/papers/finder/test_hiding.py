import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.data.holes import HoleError
from training.papers.finder import hiding
from training.papers.finder.covers import Place
from training.papers.finder.pasting import similarity

FACES = DrawnFaces(1, 128, seed=2)
LANDMARKS = FACES.landmarks(0)
PLACE = Place(similarity(128, 160, 70, np.array([100.0, 110.0])), 128, LANDMARKS)


def hidden(kind: str, seed: int = 0) -> np.ndarray:
    hole = np.zeros((220, 200), np.uint8)
    hiding.hide(hole, PLACE, kind, np.random.default_rng(seed))
    return hole


def at(hole: np.ndarray, landmarks: slice) -> np.ndarray:
    points = np.round(PLACE.to_scene(LANDMARKS)[landmarks]).astype(int)
    return hole[points[:, 1], points[:, 0]]


@pytest.mark.parametrize("kind", hiding.KINDS)
def test_every_kind_lies_where_the_face_does(kind: str) -> None:
    hole = hidden(kind)
    assert set(np.unique(hole)) == {0, 1}
    rows, columns = np.nonzero(hole)
    distance = np.hypot(columns - 100, rows - 110)
    assert distance.max() < 160 / np.sqrt(2) + 2
    assert distance.min() < 70


def test_holes_turn_with_the_face() -> None:
    assert at(hidden("mouth and nose"), slice(48, 68)).all()
    assert not at(hidden("mouth and nose"), slice(36, 48)).any()
    assert at(hidden("O3"), slice(36, 48)).all()
    assert not at(hidden("O3"), slice(48, 68)).any()


def test_the_inner_face_is_all_landmarks_and_the_forehead() -> None:
    hole = hiding.inner_face(LANDMARKS)
    brow, chin = LANDMARKS[17:27].mean(axis=0), LANDMARKS[8]
    forehead = np.round(brow + 0.25 * (brow - chin)).astype(int)
    assert hole[forehead[1], forehead[0]] == 1
    assert hole[0, 0] == 0
    assert hiding.inner_face(LANDMARKS, 0.1).sum() > hole.sum()


@pytest.mark.parametrize("seed", range(6))
def test_a_quarter_is_twenty_to_thirty_percent_of_the_inner_face(seed: int) -> None:
    inner = hiding.inner_face(LANDMARKS)
    quarter = hiding.frame_hole("quarter", np.random.default_rng(seed), LANDMARKS)
    assert 0.17 < (quarter & inner).sum() / inner.sum() < 0.36


def test_holes_grow_and_never_shrink() -> None:
    hole = hidden("O3")
    hiding.hide(hole, PLACE, "mouth and nose", np.random.default_rng(0))
    assert np.array_equal(hole, hidden("O3") | hidden("mouth and nose"))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(HoleError, match="nonsense"):
        hidden("nonsense")


def test_all_kinds_come() -> None:
    drawn = [hiding.any_kind(np.random.default_rng(seed)) for seed in range(400)]
    assert set(drawn) == set(hiding.KINDS)
    assert drawn.count("inner face") > drawn.count("O4")


def test_holes_anywhere() -> None:
    shares = []
    for seed in range(20):
        hole = np.zeros((120, 150), np.uint8)
        hiding.hide_somewhere(hole, np.random.default_rng(seed))
        shares.append(hole.mean())
    assert max(shares) > 0.2
    assert max(shares) < 0.7


def test_seen_is_what_lies_in_the_scene_and_in_no_hole() -> None:
    hole = np.zeros((100, 100), np.uint8)
    middle, corner = np.array([50.0, 50.0], np.float32), np.array([0.0, 0.0], np.float32)
    assert hiding.seen_share(hole, middle, 30) == 1
    assert hiding.seen_share(hole, corner, 30) == pytest.approx(0.25, abs=0.06)
    hole[:, 50:] = 1
    assert hiding.seen_share(hole, middle, 30) == pytest.approx(0.5, abs=0.06)
