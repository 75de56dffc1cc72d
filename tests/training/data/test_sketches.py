from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data.holes import Mixture, make_hole, seeded_hole
from training.data.sketches import Sketch, Sketches, draw_sketch, save_sketches, sketch_hole
from training.data.table import DataError

LANDMARKS = np.full((68, 2), 100, np.float32)
CROSS: Sketch = [np.array([[0, 0.5], [1, 0.5]], np.float32), np.array([[0.5, 0], [0.5, 0.5], [0.5, 1]], np.float32)]
DOT: Sketch = [np.array([[0.1, 0.1], [0.1, 0.2]], np.float32)]


def test_drawn_lines_bend_and_stay_in_the_frame() -> None:
    for seed in range(20):
        sketch = draw_sketch(np.random.default_rng(seed))
        assert 2 <= len(sketch) <= 9
        for line in sketch:
            assert line.shape[1] == 2
            assert 0 <= line.min() <= line.max() <= 1
            steps = np.hypot(*np.diff(line, axis=0).T)
            assert steps.max() < 0.1


@pytest.mark.parametrize("pixels", [128, 256])
def test_a_hole_is_the_lines_and_a_square_of_85_pixels(pixels: int) -> None:
    side = round(85 / 256 * pixels)
    for seed in range(10):
        hole = sketch_hole(CROSS, np.random.default_rng(seed), pixels)
        assert hole[pixels // 2].all()
        assert hole[:, pixels // 2].all()
        eroded = cv2.erode(hole, np.ones((side, side), np.uint8), borderValue=0)
        assert eroded.any()  # the square, whole
    alone = sketch_hole([], np.random.default_rng(0), pixels)
    assert alone.sum() == side * side


def test_the_kind_of_the_paper_covers_what_its_table_can_mean() -> None:
    ratios = [seeded_hole("quickdraw", 0, place, 256, LANDMARKS).mean() for place in range(40)]
    assert min(ratios) > (85 / 256) ** 2
    assert 0.12 < float(np.mean(ratios)) < 0.35


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_sketches(tmp_path / "two.safetensors", [CROSS, DOT])
    return tmp_path / "two.safetensors"


def test_sketches_come_back_from_their_file(file: Path) -> None:
    sketches = Sketches(file)
    assert len(sketches) == 2
    for found, expected in zip((sketches[0], sketches[1]), (CROSS, DOT), strict=True):
        assert len(found) == len(expected)
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_holes_are_made_of_peoples_drawings_where_they_are_given(file: Path) -> None:
    sketches = Sketches(file)
    mixture = Mixture(((1.0, "quickdraw"),), sketches)
    seen = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        picked = sketches.pick(np.random.default_rng(seed))
        lines = {line.tobytes() for line in picked}
        assert lines <= {line.tobytes() for line in CROSS + DOT}
        seen |= lines
        hole = make_hole("quickdraw", rng, 128, LANDMARKS, sketches)
        assert np.array_equal(hole, make_hole("quickdraw", np.random.default_rng(seed), 128, LANDMARKS, sketches))
        assert hole[64].all() == (CROSS[0].tobytes() in lines)
    assert len(seen) == 3
    drawn, given = (
        Mixture(((1.0, "quickdraw"),), which).draw(np.random.default_rng(3), 128, LANDMARKS)
        for which in (None, sketches)
    )
    assert not np.array_equal(drawn, given)
    assert mixture.draw(np.random.default_rng(3), 128, LANDMARKS).any()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"no sketches")
    for name in ("x", "y"):
        with pytest.raises(DataError, match=f"{name}.safetensors is no file of sketches"):
            Sketches(tmp_path / f"{name}.safetensors")
