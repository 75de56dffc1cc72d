"""The command that makes prepared folders of published data sets."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.training.data.importers.writing import write_celebamask_hq, write_helen
from training.data.faces import FaceFolder
from training.data.holes import Mixture
from training.data.parsing import CELEBAMASK_HQ, merge_table
from training.data.stream import FaceStream, Wants
from training.prepare import app


def prepare(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def message_of(result) -> str:
    assert isinstance(result.exception, SystemExit)
    return str(result.exception.code) + result.output


@pytest.mark.parametrize("viewers_left", [False, True])
def test_celebamask_hq_becomes_a_prepared_folder(tmp_path: Path, tiny_repository: Path, viewers_left: bool) -> None:
    """Whichever side the data set calls left, the folder's left is the subject's."""
    drawn = write_celebamask_hq(tmp_path / "source", [0, 4000, 12], viewers_left=viewers_left)
    result = prepare(
        *("celebamask-hq", "--source", tmp_path / "source", "--output", tmp_path / "out"),
        *("--repository", tiny_repository, "--pixels", 128),
    )
    assert result.exit_code == 0, result.output
    assert "3 faces in" in result.output
    faces = FaceFolder(tmp_path / "out")
    assert faces.parsing_classes == 19
    assert faces.names == ["00000", "00012", "04000"]
    assert faces.image(0).shape == (128, 128, 3)
    assert np.isfinite(faces.landmarks(0)).all()
    parsing, table = faces.parsing(0), merge_table(19, 11)
    assert parsing is not None
    assert table is not None
    assert np.array_equal(table[parsing], drawn.parsing(0))
    assert CELEBAMASK_HQ.index("left_eye") in parsing
    item = FaceStream(faces, Mixture(((1.0, "none"),)), pixels=64, seed=0, wants=Wants(parsing_classes=14))[0]
    assert item["parsing"].shape == (64, 64)


def test_helen_becomes_a_prepared_folder(tmp_path: Path, tiny_repository: Path) -> None:
    write_helen(tmp_path / "source", ["30_1", "20_1", "10_1"])
    result = prepare(
        *("helen", "--source", tmp_path / "source", "--output", tmp_path / "out", "--repository", tiny_repository),
        *("--pixels", 96, "--count", 2),
    )
    assert result.exit_code == 0, result.output
    faces = FaceFolder(tmp_path / "out")
    assert faces.names == ["30_1", "20_1"]
    assert faces.parsing_classes == 11
    assert faces.image(1).shape == (96, 96, 3)
    assert faces.parsing(1) is not None


def test_mistakes_are_one_line(tmp_path: Path, tiny_repository: Path) -> None:
    empty = prepare("helen", "--source", tmp_path, "--output", tmp_path / "out", "--repository", tiny_repository)
    assert empty.exit_code == 1
    assert "has none of exemplars.txt" in message_of(empty)
    write_celebamask_hq(tmp_path / "source", [1])
    common = ("celebamask-hq", "--source", tmp_path / "source")
    absent = prepare(*common, "--output", tmp_path / "out", "--repository", tmp_path / "absent")
    assert "there is no snapshot at" in message_of(absent)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "faces.csv").write_text("name\n")
    again = prepare(*common, "--output", tmp_path / "out", "--repository", tiny_repository)
    assert "faces.csv exists" in message_of(again)
