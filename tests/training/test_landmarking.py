"""Where training.prepare takes landmarks from."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import MiddlePoints, write_pts
from tests.training.data.test_finding import PHOTOGRAPH
from training.checkpoint import CheckpointError
from training.data.importers.celeba import CelebA
from training.data.importers.omi import OMI
from training.data.importers.photographs import Photographs
from training.data.importers.source import Unusable
from training.data.table import DataError
from training.errors import OptionError
from training.landmarking import AgreeingPoints, LandmarkOptions, open_points

SHIPPED = Path(__file__).parents[2] / "model_repository"


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
    points = open_points(LandmarkOptions("demo", None, tiny_repository, "cpu"), OMI(tmp_path), [])
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


class Constant(MiddlePoints):
    """The same landmarks, moved or turned upside down, whatever there is to see."""

    def __init__(self, move_pixels: float = 0, *, upright: bool = True) -> None:
        self.move_pixels, self.upright = move_pixels, upright

    def look(self, frame: np.ndarray) -> np.ndarray:
        points = super().look(frame)
        return (points if self.upright else frame.shape[0] - 1 - points) + np.float32(self.move_pixels)


def test_a_photograph_of_a_face_is_one(tmp_path: Path) -> None:
    shutil.copy(PHOTOGRAPH, tmp_path / "a.jpg")
    source = Photographs(tmp_path)
    points = opened("demo", tmp_path, repository=SHIPPED)
    assert isinstance(points, AgreeingPoints)
    (face,) = source.faces("a.jpg", 256, points)
    assert np.ptp(face.landmarks, axis=0).min() > 80
    assert "demo" in points.description


@pytest.mark.parametrize("points", [Constant(40), Constant(upright=False)])
def test_landmarks_that_the_finder_does_not_confirm_are_no_face(tmp_path: Path, points: Constant) -> None:
    shutil.copy(PHOTOGRAPH, tmp_path / "a.jpg")
    with pytest.raises(Unusable, match="no face: finder and landmarks disagree"):
        Photographs(tmp_path).faces("a.jpg", 64, AgreeingPoints(points, SHIPPED, "cpu"))


def test_where_there_is_nothing_there_is_no_face(tmp_path: Path) -> None:
    agreeing = AgreeingPoints(MiddlePoints(), SHIPPED, "cpu")
    stripes = np.repeat((np.arange(256) // 16 % 2 * 255).astype(np.uint8)[:, None], 256, axis=1)
    with pytest.raises(Unusable, match="no face"):
        agreeing.look(np.repeat(stripes[..., None], 3, axis=2))
    assert agreeing.known("a.jpg") is None
