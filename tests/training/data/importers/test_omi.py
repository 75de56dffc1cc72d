from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import MiddlePoints, write_omi
from training.data.importers.omi import OMI
from training.data.importers.source import Unusable
from training.data.table import DataError


def test_pictures_with_their_ratings(tmp_path: Path) -> None:
    drawn = write_omi(tmp_path, [1, 23])
    source = OMI(tmp_path)
    assert source.names() == ["1", "23"]
    assert source.columns() == ["trustworthy", "well-groomed"]
    (face,) = source.faces("23", 96, MiddlePoints())
    assert face.name == "0023"
    assert face.numbers == pytest.approx((41.67307692, 49))
    assert np.abs(face.picture.astype(int) - drawn.image(1)).mean() < 4
    assert source.lists() == [tmp_path / "attribute_ratings.csv"]


def test_an_empty_cell_is_a_rating_that_nobody_gave(tmp_path: Path) -> None:
    write_omi(tmp_path, [1])
    (tmp_path / "attribute_ratings.csv").write_text("stimulus,smart,old\n1,,7\n")
    source = OMI(tmp_path)
    source.names()
    assert np.isnan(source.faces("1", 64, MiddlePoints())[0].numbers[0])


@pytest.mark.parametrize("missing", ["images", "attribute_ratings.csv"])
def test_the_first_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    write_omi(tmp_path, [1])
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=f"{missing} is missing"):
        OMI(tmp_path).names()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first column must be `stimulus`"),
        ("name,smart\n1,2\n", "the first column must be `stimulus`"),
        ("stimulus,smart\n1,2\nx,3\n", "line 3: expected a number of a picture and ratings"),
        ("stimulus,smart\n1,high\n", "line 2: expected a number of a picture and ratings"),
        ("stimulus,smart\n1,2,3\n", "line 2: 3 fields, 2 in the header"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    write_omi(tmp_path, [1])
    (tmp_path / "attribute_ratings.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        OMI(tmp_path).names()
    assert message in str(caught.value)


def test_a_missing_picture_is_left_out(tmp_path: Path) -> None:
    write_omi(tmp_path, [1])
    source = OMI(tmp_path)
    source.names()
    (tmp_path / "images" / "1.jpg").unlink()
    with pytest.raises(Unusable, match=r"missing picture: .*1\.jpg"):
        source.faces("1", 64, MiddlePoints())
