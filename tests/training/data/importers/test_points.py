from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import write_pts
from training.data.importers.points import GivenPoints, OwnPoints, read_pts
from training.data.importers.source import Unusable
from training.data.table import DataError

POINTS = np.random.default_rng(0).uniform(0, 200, (3, 68, 2)).astype(np.float32)


def test_rows_of_a_file_belong_to_the_names(tmp_path: Path) -> None:
    points = POINTS.copy()
    points[1, 5, 0] = np.nan
    np.save(tmp_path / "points.npy", points)
    given = GivenPoints(tmp_path / "points.npy", ["a", "b", "c"])
    assert np.array_equal(given.known("c"), POINTS[2])
    with pytest.raises(Unusable, match="no landmarks given"):
        given.known("b")


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*points\.npy"):
        GivenPoints(tmp_path / "points.npy", ["a"])
    np.save(tmp_path / "points.npy", POINTS)
    with pytest.raises(DataError, match=r"has shape \[3, 68, 2\], expected \[2, 68, 2\]"):
        GivenPoints(tmp_path / "points.npy", ["a", "b"])


def test_pts_files_count_from_one(tmp_path: Path) -> None:
    write_pts(tmp_path / "a.pts", POINTS[0])
    own = OwnPoints(lambda name: read_pts(tmp_path / f"{name}.pts"))
    assert np.allclose(own.known("a"), POINTS[0], atol=0.01)
    with pytest.raises(Unusable, match=r"no landmarks of its own .*: .*b\.pts"):
        own.known("b")


@pytest.mark.parametrize("text", ["", "version: 1\n{\n1 2\n3 4\n}\n", "{ 1 2 3 }", "{ a b }", "{" + "1 " * 135 + "}"])
def test_other_files_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.pts").write_text(text)
    with pytest.raises(Unusable, match=r"landmarks that are not 68 points: .*a\.pts"):
        read_pts(tmp_path / "a.pts")
