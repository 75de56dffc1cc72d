"""Pictures that are missing, broken or cut off are said so, and nothing else is printed."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from training.data.importers.importing import write_picture
from training.data.importers.source import Unusable, read_colours, read_grey, require_there
from training.data.table import DataError

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def test_pictures_are_read_as_they_are(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    assert np.array_equal(read_colours(tmp_path / "a.png"), PICTURE)
    assert read_grey(tmp_path / "a.png").shape == (24, 32)


def test_a_picture_that_was_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PICTURE).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read_colours(tmp_path / "a.png"), np.rot90(PICTURE, -1))


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_what_is_cut_off_is_broken(tmp_path: Path, ending: str, capfd: pytest.CaptureFixture[str]) -> None:
    """OpenCV would fill the rest with grey."""
    path = tmp_path / f"a.{ending}"
    Image.fromarray(PICTURE).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Unusable, match=rf"no picture, or a broken one: .*a\.{ending}"):
        read_colours(path)
    path.write_bytes(b"")
    with pytest.raises(Unusable, match="no mask, or a broken one"):
        read_grey(path)
    path.unlink()
    with pytest.raises(Unusable, match=rf"missing picture: .*a\.{ending}"):
        read_colours(path)
    assert capfd.readouterr() == ("", "")


def test_writing_is_quiet_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("a.jpg", "a.png"):
        assert write_picture(tmp_path / name, PICTURE) == (tmp_path / name).read_bytes()
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png")), PICTURE)
    assert capfd.readouterr() == ("", "")


def test_the_first_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="b is missing: unpack it"):
        require_there(tmp_path, ["a", "b", "c"], "unpack it")
