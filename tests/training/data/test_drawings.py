from pathlib import Path

import numpy as np
import pytest

from training.data.drawings import open_drawings
from training.data.sketches import Sketches, save_sketches
from training.data.stored_holes import StoredHoles, save_holes
from training.data.table import DataError


def test_either_kind_of_file_is_opened_as_what_it_is(tmp_path: Path) -> None:
    save_holes(tmp_path / "masks", [np.eye(8, dtype=np.uint8)], {})
    assert isinstance(open_drawings(tmp_path / "masks"), StoredHoles)
    save_sketches(tmp_path / "sketches", [[np.array([[0, 0.5], [1, 0.5]], np.float32)]])
    assert isinstance(open_drawings(tmp_path / "sketches"), Sketches)
    (tmp_path / "other").write_bytes(b"x")
    with pytest.raises(DataError, match=r"other is no file of training\.prepare quickdraw or irregular"):
        open_drawings(tmp_path / "other")
