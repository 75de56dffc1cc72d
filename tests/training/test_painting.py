"""The weights from Python: the lines of README, the shipped snapshots, and what is refused."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training import load_model
from training.data.drawn import DrawnFaces
from training.data.holes import seeded_hole
from training.painting import PaintingError, grown
from training.systems import OpeningError

ROOT = Path(__file__).parents[2]
FACES = DrawnFaces(2, 256)
IMAGE, POINTS = FACES.image(0), FACES.landmarks(0)
HOLE = seeded_hole("center", 0, 0, 256, POINTS, None)


def test_the_lines_of_the_readme_fill_a_hole_with_the_shipped_weights() -> None:
    """The picture is the image where nothing is missing, and nearer to it in the hole than grey is."""
    lines = re.findall(
        r"^```python\n(from training import load_model\n.*?)^```",
        (ROOT / "training" / "README.md").read_text(),
        re.M | re.S,
    )
    assert len(lines) == 1
    assert len([line for line in lines[0].splitlines() if line]) == 3
    names = {"image": IMAGE, "hole": HOLE}
    exec(lines[0], names)
    picture, missing = names["picture"], HOLE == 1
    assert (picture.shape, picture.dtype) == (IMAGE.shape, np.uint8)
    assert (picture[~missing] == IMAGE[~missing]).all()
    assert (
        np.abs(picture[missing].astype(int) - IMAGE[missing]).mean() < np.abs(128 - IMAGE[missing].astype(int)).mean()
    )


def test_what_lies_under_the_hole_is_not_seen(tiny_repository: Path) -> None:
    model = load_model("lafin", repository=tiny_repository)
    other = np.where(HOLE[..., None] == 1, 255 - IMAGE, IMAGE)
    assert (model(IMAGE, HOLE) == model(other, 255 * HOLE)).all()


def test_nothing_of_a_hole_is_seen_at_another_size(tiny_repository: Path) -> None:
    model = load_model("lafin", repository=tiny_repository)
    image, hole = FACES.image(0).repeat(2, axis=0).repeat(2, axis=1)[:320, :320], np.zeros((320, 320), bool)
    hole[101:204, 77:180] = True
    other = np.where(hole[..., None], 0, image).astype(np.uint8)
    first, second = model(image, hole), model(other, hole)
    assert first.shape == (320, 320, 3)
    known = ~hole
    assert (first[known] == image[known]).all()
    difference = np.abs(first[hole].astype(int) - second[hole])
    assert difference.max() == 0


@pytest.mark.parametrize(("shape", "side"), [((6, 6), 4), ((4, 4), 6)])
def test_a_hole_only_grows(shape: tuple[int, int], side: int) -> None:
    hole = np.zeros(shape, np.uint8)
    hole[1, 2] = 1
    resized = grown(hole, (side, side))
    assert resized[side // shape[0] and side * 3 // (2 * shape[0]), side * 5 // (2 * shape[0])] == 1


def test_a_runs_snapshots_come_before_the_repositorys(tiny_repository: Path, tmp_path: Path) -> None:
    source = tiny_repository / "lafin_predictor" / "snapshot.safetensors"
    (tmp_path / "predictor").mkdir()
    shutil.copy(source, tmp_path / "predictor" / "predictor.safetensors")
    load_model("lafin", run=tmp_path, repository=tiny_repository)
    (tmp_path / "predictor" / "predictor.safetensors").rename(tmp_path / "other")
    with pytest.raises(OpeningError, match="has no snapshot of lafin_predictor or of lafin_generator"):
        load_model("lafin", run=tmp_path, repository=tiny_repository)
    with pytest.raises(OpeningError, match="unknown model 'lafine'"):
        load_model("lafine")


def test_landmarks_guide_the_system_that_takes_them(tiny_repository: Path) -> None:
    model = load_model("lafin_generator", repository=tiny_repository)
    assert (model(IMAGE, HOLE, landmarks=POINTS) != model(IMAGE, HOLE, landmarks=POINTS + 20)).any()
    with pytest.raises(PaintingError, match="lafin_generator needs landmarks"):
        model(IMAGE, HOLE)


REFUSED = {
    "a wide picture": (
        lambda model: model(IMAGE[:128], HOLE[:128]),
        r"uint8 \(128, 256, 3\): it must be uint8 \[S,S,3\]",
    ),
    "numbers": (lambda model: model(IMAGE / 255, HOLE), r"the image is float64"),
    "grey": (lambda model: model(IMAGE[..., 0], HOLE), r"the image is uint8 \(256, 256\)"),
    "another hole": (lambda model: model(IMAGE, HOLE[:9]), r"the hole is \(9, 256\), the image \(256, 256\)"),
    "unwanted landmarks": (lambda model: model(IMAGE, HOLE, landmarks=POINTS), r"gfc takes no landmarks"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(call, message: str, tiny_repository: Path) -> None:
    with pytest.raises(PaintingError, match=message):
        call(load_model("gfc", repository=tiny_repository))


def test_a_system_that_paints_nothing_says_so(tiny_repository: Path) -> None:
    with pytest.raises(PaintingError, match="lafin_predictor completes no pictures"):
        load_model("lafin_predictor", repository=tiny_repository)(IMAGE, HOLE)


def test_noise_depends_on_the_seed(tiny_repository: Path) -> None:
    model = load_model("gfc", repository=tiny_repository)
    first, again, other = model(IMAGE, HOLE), model(IMAGE, HOLE), model(IMAGE, HOLE, seed=1)
    assert (first == again).all()
    assert (first != other).any()


def test_the_package_itself_loads_no_torch() -> None:
    code = "import sys, training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
