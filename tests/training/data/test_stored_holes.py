import pickle
from pathlib import Path

import numpy as np
import pytest

from training.data.holes import make_hole
from training.data.stored_holes import StoredHoles, save_holes
from training.data.table import DataError

POINTS = np.full((68, 2), 16, np.float32)


def holes() -> list[np.ndarray]:
    """Of 5, 15, 25 and 95 % of 40 x 40 pixels, all of the upper rows."""
    made = []
    for rows in (2, 6, 10, 38):
        hole = np.zeros((40, 40), np.uint8)
        hole[:rows] = 1
        made.append(hole)
    return made


@pytest.fixture
def stored(tmp_path: Path) -> StoredHoles:
    ratios = save_holes(tmp_path / "holes.safetensors", holes(), {"missing": "white"})
    assert np.allclose(ratios, [0.05, 0.15, 0.25, 0.95])
    return StoredHoles(tmp_path / "holes.safetensors")


def test_holes_come_back_as_they_were(stored: StoredHoles) -> None:
    assert len(stored) == 4
    assert all(np.array_equal(stored[index], hole) for index, hole in enumerate(holes()))
    assert np.array_equal(pickle.loads(pickle.dumps(stored))[2], holes()[2])


def test_a_drawn_hole_is_of_the_bucket_and_turned_by_chance(stored: StoredHoles) -> None:
    drawn = [stored.draw(np.random.default_rng(seed), 40, 0.1, 0.2) for seed in range(40)]
    assert {hole.mean() for hole in drawn} == {0.15}
    assert {tuple(hole.any(axis=0)[[0, -1]]) + tuple(hole.any(axis=1)[[0, -1]]) for hole in drawn} == {
        (True, True, True, False),
        (True, True, False, True),
        (True, False, True, True),
        (False, True, True, True),
    }
    assert np.array_equal(drawn[3], stored.draw(np.random.default_rng(3), 40, 0.1, 0.2))


def test_holes_fit_every_frame(stored: StoredHoles) -> None:
    hole = stored.draw(np.random.default_rng(0), 100, 0.2, 0.3)
    assert hole.shape == (100, 100)
    assert set(np.unique(hole)) == {0, 1}
    assert hole.mean() == pytest.approx(0.25, abs=0.02)


def test_kinds_of_holes_use_the_masks(stored: StoredHoles) -> None:
    """Buckets and `irregular` do; what has a shape of its own does not."""
    rng = np.random.default_rng(0)
    assert make_hole("20-30", rng, 40, POINTS, stored).mean() == 0.25
    assert {round(float(make_hole("irregular", rng, 40, POINTS, stored).mean()), 2) for _ in range(60)} == {
        *(0.05, 0.15, 0.25, 0.95)
    }
    assert np.array_equal(make_hole("center", rng, 40, POINTS, stored), make_hole("center", rng, 40, POINTS))
    with pytest.raises(DataError, match=r"holes\.safetensors has no hole that misses 40 to 60 %"):
        make_hole("40-60", rng, 40, POINTS, stored)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"x")
    with pytest.raises(DataError, match="other is no file of holes"):
        StoredHoles(tmp_path / "other")
