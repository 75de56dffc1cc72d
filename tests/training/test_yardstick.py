"""What is measured with which files: columns, hashes, and what a few faces or a wrong declaration cannot say."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.fakes.features import Colours
from training.data.drawn import DrawnFaces
from training.errors import OptionError
from training.framed import frame_faces
from training.metrics.profiles import PROFILES
from training.yardstick import NME, NetworkFiles, Yardstick, open_yardstick, warnings


class Thumbnail(torch.nn.Module):
    """[B,3,H,W] -> the picture at 4x4."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(image, [4, 4]).flatten(1)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks") / "thumbnail.pt"
    torch.jit.script(Thumbnail()).save(str(path))
    return path


def test_a_networks_column_carries_the_hash_of_its_file(network: Path, features_file: Path) -> None:
    files = NetworkFiles(features=features_file, frechet=network, identity=network)
    yardstick = open_yardstick("standard", files, "cpu")
    digest, weights = (hashlib.sha256(file.read_bytes()).hexdigest() for file in (network, features_file))
    assert yardstick.columns()[-4:] == [
        f"feature distance (squeezenet1_1 {weights[:8]})",
        f"Frechet distance (thumbnail {digest[:8]})",
        f"identity distance (thumbnail {digest[:8]})",
        NME,
    ]
    assert yardstick.record()["frechet"] == {"name": "thumbnail.pt", "sha256": digest}


def test_without_files_the_profiles_figures_are_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert open_yardstick("lafin", NetworkFiles(), "cpu").columns() == [*PROFILES["lafin"].columns, NME]
    assert capsys.readouterr().out.count("is left out") == 3


def test_few_faces_and_small_frames_are_warned_of() -> None:
    yardstick = Yardstick(PROFILES["standard"], frechet=Colours())
    faces = frame_faces(DrawnFaces(2, 32), 128)
    said = warnings(yardstick, faces, "cpu")
    assert said[0].startswith("warning: the Frechet distance of 2 faces says little")
    assert said[1] == "warning: MS-SSIM needs more than 160 px; at 128 px it is left out"
    assert warnings(replace(yardstick, frechet=None), frame_faces(DrawnFaces(1, 32), 256), "cpu") == []
    many = frame_faces(DrawnFaces(1000, 32), 256)
    assert warnings(yardstick, many, "cpu") == []


def test_one_face_has_no_frechet_distance() -> None:
    with pytest.raises(OptionError, match="it needs two faces or more"):
        Yardstick(PROFILES["standard"], frechet=Colours()).require_enough(1)


def test_an_identity_networks_declaration_is_looked_at(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def doubting(declared, path, image, landmarks) -> str:
        seen.append(len(image))
        return f"{declared.alignment} is doubted"

    monkeypatch.setattr("training.yardstick.doubt", doubting)
    yardstick = open_yardstick("standard", NetworkFiles(identity=network), "cpu")
    assert warnings(yardstick, frame_faces(DrawnFaces(20, 32), 256), "cpu") == ["warning: frame is doubted"]
    assert seen == [16]
    one = frame_faces(DrawnFaces(1, 64), 256)
    assert warnings(yardstick, one, "cpu")[0].startswith("warning: one face does not show")


def test_what_is_declared_must_be_known(network: Path) -> None:
    with pytest.raises(OptionError, match=r"unknown --identity-alignment 'eyes'; there are frame, arcface"):
        open_yardstick("standard", NetworkFiles(identity=network, identity_alignment="eyes"), "cpu")
