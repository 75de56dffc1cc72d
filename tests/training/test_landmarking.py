"""Where training.prepare takes landmarks from."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import write_pts
from training.checkpoint import CheckpointError
from training.data.importers.celeba import CelebA
from training.data.importers.photographs import Photographs
from training.data.table import DataError
from training.errors import OptionError
from training.landmarking import LandmarkOptions, open_points


def opened(landmarks: str, tmp_path: Path, *, fan: Path | None = None, repository: Path = Path("absent")):
    asked = LandmarkOptions(landmarks, fan, repository, "cpu")
    return open_points(asked, Photographs(tmp_path), ["a.jpg"])


def test_the_data_sets_own(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(0, 99, (68, 2)).astype(np.float32)
    write_pts(tmp_path / "a.pts", points)
    assert np.allclose(opened("own", tmp_path).known("a.jpg"), points, atol=0.01)
    with pytest.raises(OptionError, match=r"has no 68 landmarks of its own: --landmarks FILE\.npy, fan or demo"):
        open_points(LandmarkOptions("own", None, tmp_path, "cpu"), CelebA(tmp_path), [])


def test_a_file_of_the_user(tmp_path: Path) -> None:
    np.save(tmp_path / "points.npy", np.ones((1, 68, 2), np.float32))
    assert (opened(str(tmp_path / "points.npy"), tmp_path).known("a.jpg") == 1).all()


def test_the_demo_predictor_comes_with_a_warning(
    tmp_path: Path, tiny_repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = opened("demo", tmp_path, repository=tiny_repository)
    assert "learns its predecessor's mistakes" in capsys.readouterr().err
    assert points.known("a.jpg") is None
    small, large = (points.look(np.full((side, side, 3), 100, np.uint8)) for side in (256, 512))
    assert small.shape == (68, 2)
    assert np.allclose((small + 0.5) * 2, large + 0.5, atol=1e-3), "in the frame's own pixels"
    with pytest.raises(CheckpointError, match="there is no snapshot at"):
        opened("demo", tmp_path)


def test_fan_wants_its_weights(tmp_path: Path) -> None:
    for landmarks, fan in (("fan", None), ("own", tmp_path / "fan.pth.tar")):
        with pytest.raises(OptionError, match="belong together"):
            opened(landmarks, tmp_path, fan=fan)
    with pytest.raises(DataError, match="there is no file"):
        opened("fan", tmp_path, fan=tmp_path / "absent")


def test_other_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"unknown --landmarks 'dlib'; there are own, fan, demo and files \*\.npy"):
        opened("dlib", tmp_path)
