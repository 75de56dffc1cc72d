import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from training import prepare
from training.data.importers.quickdraw import read_drawings
from training.data.sketches import Sketches
from training.data.table import DataError

# Simplified: 0..255, no times. Raw: pixels of a screen with times.
SIMPLIFIED = {
    "word": "cat",
    "countrycode": "AT",
    "recognized": True,
    "drawing": [[[0, 100], [0, 50]], [[100, 0], [50, 0]]],
}
RAW = {"word": "cat", "recognized": True, "drawing": [[[310.5, 410.5, 510.5], [700, 900, 700], [0, 17, 40]]]}
NOT_RECOGNISED = {**SIMPLIFIED, "recognized": False}
DOTS = {"word": "rain", "recognized": True, "drawing": [[[3], [4]], [[9], [9]]]}


def write(file: Path, *drawings: dict) -> Path:
    file.write_text("".join(json.dumps(drawing) + "\n" for drawing in drawings))
    return file


def test_drawings_fill_the_frame_and_keep_their_shape(tmp_path: Path) -> None:
    found = read_drawings([write(tmp_path / "cat.ndjson", SIMPLIFIED, RAW)])
    (there, back), (bow,) = found.sketches
    assert np.allclose(there, [[0, 0.25], [1, 0.75]])
    assert np.allclose(back, there[::-1])
    assert np.allclose(bow, [[0, 0], [0.5, 1], [1, 0]])
    assert found.left_out == 0


def test_what_is_not_recognised_or_has_no_line_is_left_out(tmp_path: Path) -> None:
    files = [write(tmp_path / "a", NOT_RECOGNISED, SIMPLIFIED, DOTS), write(tmp_path / "b", RAW)]
    found = read_drawings(files)
    assert (len(found.sketches), found.left_out) == (2, 2)
    assert len(read_drawings(files, count=1).sketches) == 1
    with pytest.raises(DataError, match="no drawing that can be used"):
        read_drawings([write(tmp_path / "c", DOTS)])


@pytest.mark.parametrize(
    "line",
    ["no JSON", "[]", "{}", '{"drawing": [[[1, 2]]]}', '{"drawing": [[[1, 2], [3]]]}', '{"drawing": [[["a"], [3]]]}'],
)
def test_a_bad_line_is_left_out_and_named(tmp_path: Path, line: str) -> None:
    file = write(tmp_path / "cat.ndjson", SIMPLIFIED)
    file.write_text(file.read_text() + line + "\n")
    found = read_drawings([file])
    assert len(found.sketches) == 1
    (fault,) = found.broken
    assert "cat.ndjson, line 2: no drawing of Quick, Draw!" in fault
    with pytest.raises(DataError, match=r"cat\.ndjson, line 2: no drawing of Quick, Draw!"):
        read_drawings([file], strict=True)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_drawings([tmp_path / "nowhere"])
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no text in UTF-8"):
        read_drawings([tmp_path / "binary"])


def test_the_command_writes_a_file_of_sketches(tmp_path: Path) -> None:
    source = write(tmp_path / "cat.ndjson", SIMPLIFIED, NOT_RECOGNISED, RAW)
    words = ["quickdraw", "--source", str(source), "-o", str(tmp_path / "cat.safetensors")]
    done = CliRunner().invoke(prepare.app, words)
    assert done.exit_code == 0, done.output
    assert "2 drawings in" in done.output
    assert "left out: 1" in done.output
    assert len(Sketches(tmp_path / "cat.safetensors")) == 2
