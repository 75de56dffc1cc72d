"""Pictures as files: what they hold, and what is said where they cannot be written."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from training.checkpoint import DiskFullError
from training.errors import OptionError
from training.pictures import write_picture

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)


def test_a_png_holds_the_colours(tmp_path: Path) -> None:
    write_picture(tmp_path / "new folder" / "a.png", NOISE)
    stored = cv2.imread(str(tmp_path / "new folder" / "a.png"))
    assert (stored[:, :, ::-1] == NOISE).all()


def test_a_jpeg_is_one(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.JPG", NOISE)
    assert (tmp_path / "a.JPG").read_bytes().startswith(b"\xff\xd8")


def test_a_full_disk_is_said_as_such(tmp_path: Path, small_disk: None) -> None:
    with pytest.raises(DiskFullError, match=r"the disk is full: .*a\.png could not be written"):
        write_picture(tmp_path / "a.png", NOISE)
    assert list(tmp_path.iterdir()) == []


def test_a_kind_that_is_not_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"a\.bmp: the picture's name must end with one of \.png, "):
        write_picture(tmp_path / "a.bmp", NOISE)
