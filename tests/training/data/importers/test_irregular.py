from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.training.data.importers.writing import save
from training import prepare
from training.data.importers.irregular import Masks, side_of
from training.data.stored_holes import StoredHoles
from training.data.table import DataError


def write_masks(folder: Path) -> None:
    """As the set for tests: white strokes, some in colours, soft at their edges; one is empty, one is broken."""
    for index, rows in enumerate((4, 12, 20)):
        mask = np.zeros((40, 40, 3), np.uint8)
        mask[:rows] = 255
        mask[rows] = 100
        save(folder / "testing_mask_dataset" / f"{index:05d}.png", mask if index else mask[..., 0])
    save(folder / "testing_mask_dataset" / "00003.png", np.zeros((40, 40), np.uint8))
    save(folder / "testing_mask_dataset" / "00004.png", np.full((32, 32), 255, np.uint8))
    (folder / "testing_mask_dataset" / "00005.png").write_bytes(b"no mask")


def prepared(folder: Path, *words: str):
    common = ["irregular", "--source", str(folder), "-o", str(folder / "holes.safetensors")]
    return CliRunner().invoke(prepare.app, [*common, *words])


def test_masks_become_holes_by_coverage(tmp_path: Path) -> None:
    write_masks(tmp_path)
    done = prepared(tmp_path)
    assert done.exit_code == 0, done.output
    assert "3 holes in" in done.output
    assert "20 to  30 %:       1" in done.output
    for number, reason in ((3, "nothing is missing"), (4, "not 40 x 40 pixels"), (5, "no mask, or a broken one")):
        path = tmp_path / "testing_mask_dataset" / f"0000{number}.png"
        assert f"left out:       1  {reason}\n    {path}\n" in done.output
    stored = StoredHoles(tmp_path / "holes.safetensors")
    assert np.allclose(stored.ratios, [0.1, 0.3, 0.5])
    assert stored[1][:12].all()
    assert not stored[1][12:].any()


def test_the_masks_for_training_are_black_where_something_is_missing(tmp_path: Path) -> None:
    write_masks(tmp_path)
    assert prepared(tmp_path, "--missing", "black", "--count", "2").exit_code == 0
    assert np.allclose(StoredHoles(tmp_path / "holes.safetensors").ratios, [0.9, 0.7])


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    write_masks(tmp_path)
    for words, message in (
        (["--strict"], "00003.png cannot be used: nothing is missing"),
        (["--missing", "red"], "unknown colour 'red'; there are white, black"),
    ):
        done = prepared(tmp_path, *words)
        assert done.exit_code == 1
        assert message in str(done.exception)
    assert not (tmp_path / "holes.safetensors").exists()
    (tmp_path / "empty").mkdir()
    for folder, message in ((tmp_path / "empty", "holds no masks"), (tmp_path / "nowhere", "there is no folder")):
        with pytest.raises(DataError, match=message):
            Masks(folder, "white").paths()
    save(tmp_path / "wide.png", np.zeros((8, 16), np.uint8))
    with pytest.raises(DataError, match="masks are squares of a multiple of 8"):
        side_of(tmp_path / "wide.png")
