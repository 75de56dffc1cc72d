"""FAN through a stand-in of its package, which would have to be fetched with its weights."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.importers.fan import Fan
from training.data.importers.source import Unusable
from training.data.table import DataError
from training.errors import OptionError

URL = "https://example.org/2DFAN4.pth.tar"


class Network:
    """What the package's class does at its edges: it loads weights by address, and looks into boxes."""

    def __init__(self, kind: object, *, device: str, face_detector: str, compile: bool) -> None:
        assert (kind, face_detector, compile) == ("two", "folder", False)
        self.device = device
        state = torch.load(sys.modules["face_alignment.api"].load_file_from_url(URL), weights_only=False)
        if set(state) != {"conv1.weight"}:
            raise RuntimeError("Error(s) in loading state_dict")
        self.points: list[np.ndarray] | None = [np.full((68, 2), float(state["conv1.weight"][0]))]
        self.boxes: list[list[float]] = []

    def get_landmarks_from_image(self, image: np.ndarray, detected_faces: list[list[float]]) -> object:
        assert image.dtype == np.uint8
        self.boxes += detected_faces
        return self.points


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    def download(url: str) -> str:
        raise AssertionError(f"{url} would be fetched")

    api = types.ModuleType("face_alignment.api")
    api.load_file_from_url = download
    module = types.ModuleType("face_alignment")
    module.api, module.FaceAlignment = api, Network
    module.LandmarksType = types.SimpleNamespace(TWO_D="two")
    monkeypatch.setitem(sys.modules, "face_alignment", module)
    monkeypatch.setitem(sys.modules, "face_alignment.api", api)
    return module


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.save({"conv1.weight": torch.tensor([7.0])}, tmp_path / "fan.pth.tar")
    return tmp_path / "fan.pth.tar"


def test_it_gets_the_file_that_the_user_names_and_the_box_of_the_frame(
    package: types.ModuleType, weights: Path
) -> None:
    fan = Fan(weights, "cpu")
    assert fan.known("a") is None
    assert fan.description == "FAN, fan.pth.tar"
    found = fan.look(np.zeros((256, 256, 3), np.uint8))
    assert found.dtype == np.float32
    assert (found == 7).all()
    ((left, top, right, bottom),) = fan._network.boxes
    assert 30 < left < 60 < 200 < right < 220
    assert right - left == pytest.approx(bottom - top)
    assert top > left, "a frame's middle lies above its box's"


def test_a_face_that_it_does_not_find_is_left_out(package: types.ModuleType, weights: Path) -> None:
    fan = Fan(weights)
    fan._network.points = None
    with pytest.raises(Unusable, match="FAN finds no landmarks"):
        fan.look(np.zeros((256, 256, 3), np.uint8))


def test_without_the_package_the_extra_is_named(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(OptionError, match="needs the extra `landmarks`"):
        Fan(weights)


class Runs:
    """A file of weights that would run something."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


def test_other_files_are_refused(package: types.ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="there is no file"):
        Fan(tmp_path / "absent")
    torch.save({"conv1.weight": Runs()}, tmp_path / "runs")
    (tmp_path / "text").write_text("weights")
    for name in ("runs", "text"):
        with pytest.raises(DataError, match=f"{name} holds no plain weights of FAN"):
            Fan(tmp_path / name)
    assert capsys.readouterr().out == ""
    torch.save({"other": torch.zeros(1)}, tmp_path / "other")
    with pytest.raises(DataError, match=r"other holds no weights of 2DFAN-4"):
        Fan(tmp_path / "other")
