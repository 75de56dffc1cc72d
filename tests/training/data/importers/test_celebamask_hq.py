from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.data.importers.writing import save, write_celebamask_hq
from training.data.faces import DataError
from training.data.importers.celebamask_hq import PARTS, CelebAMaskHQ
from training.data.parsing import CELEBAMASK_HQ, merge_table


def test_masks_become_one_map_and_pictures_follow(tmp_path: Path) -> None:
    faces = write_celebamask_hq(tmp_path, [7, 2001])
    source = CelebAMaskHQ(tmp_path)
    assert source.names() == ["7", "2001"]
    for index, name in enumerate(source.names()):
        face = source.face(name, 128)
        assert face is not None
        assert face.name == f"{int(name):05d}"
        table = merge_table(19, 11)
        assert table is not None
        assert np.array_equal(table[face.parsing], faces.parsing(index))
        assert np.abs(face.picture.astype(int) - faces.image(index)).mean() < 4


def test_every_part_but_the_background_has_files() -> None:
    assert sorted(PARTS.values()) == sorted(CELEBAMASK_HQ[1:])


def test_later_parts_lie_above_earlier_ones(tmp_path: Path) -> None:
    everything = np.full((16, 16), 255, np.uint8)
    half = everything.copy()
    half[8:] = 0
    save(tmp_path / "CelebA-HQ-img" / "3.jpg", np.zeros((32, 32, 3), np.uint8))
    save(tmp_path / "CelebAMask-HQ-mask-anno" / "0" / "00003_hair.png", half)
    save(tmp_path / "CelebAMask-HQ-mask-anno" / "0" / "00003_skin.png", everything)
    face = CelebAMaskHQ(tmp_path).face("3", 16)
    assert face is not None
    assert (face.parsing[:8] == CELEBAMASK_HQ.index("hair")).all()
    assert (face.parsing[8:] == CELEBAMASK_HQ.index("skin")).all()


def test_a_face_without_masks_is_left_out(tmp_path: Path) -> None:
    write_celebamask_hq(tmp_path, [1])
    save(tmp_path / "CelebA-HQ-img" / "5.jpg", np.zeros((32, 32, 3), np.uint8))
    assert CelebAMaskHQ(tmp_path).face("5", 64) is None


def test_another_folder_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder CelebA-HQ-img"):
        CelebAMaskHQ(tmp_path).names()
    write_celebamask_hq(tmp_path, [1])
    masks = tmp_path / "CelebAMask-HQ-mask-anno" / "0"
    cv2.imwrite(str(masks / "00001_nose.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match=r"00001_nose\.png has another size"):
        CelebAMaskHQ(tmp_path).face("1", 64)
    (masks / "00001_nose.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"00001_nose\.png is missing or no picture"):
        CelebAMaskHQ(tmp_path).face("1", 64)
    (tmp_path / "CelebA-HQ-img" / "cover.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="called by their number"):
        CelebAMaskHQ(tmp_path).names()
