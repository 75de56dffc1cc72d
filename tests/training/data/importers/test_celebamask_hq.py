from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.data.importers.writing import MiddlePoints, save, write_celebamask_hq
from training.data.importers.celebamask_hq import PARTS, CelebAMaskHQ
from training.data.importers.points import GivenPoints
from training.data.importers.source import Unusable
from training.data.parsing import CELEBAMASK_HQ, merge_table
from training.data.table import DataError


def test_masks_become_one_map_and_pictures_follow(tmp_path: Path) -> None:
    faces = write_celebamask_hq(tmp_path, [7, 2001])
    source = CelebAMaskHQ(tmp_path)
    assert source.names() == ["7", "2001"]
    for index, name in enumerate(source.names()):
        (face,) = source.faces(name, 128, MiddlePoints())
        assert face.name == f"{int(name):05d}"
        table = merge_table(19, 11)
        assert table is not None
        assert np.array_equal(table[face.parsing], faces.parsing(index))
        assert np.abs(face.picture.astype(int) - faces.image(index)).mean() < 4


def test_the_last_two_thousand_are_for_validation(tmp_path: Path) -> None:
    write_celebamask_hq(tmp_path, [27_999, 28_000])
    source = CelebAMaskHQ(tmp_path)
    splits = [source.faces(name, 64, MiddlePoints())[0].split for name in source.names()]
    assert splits == ["train", "validation"]


def test_given_landmarks_are_those_of_the_picture_as_it_is_stored(tmp_path: Path) -> None:
    faces = write_celebamask_hq(tmp_path, [3])
    np.save(tmp_path / "points.npy", (faces.landmarks(0)[None] + 0.5) * 2 - 0.5)
    points = GivenPoints(tmp_path / "points.npy", ["3"])
    (face,) = CelebAMaskHQ(tmp_path).faces("3", 128, points)
    assert np.allclose(face.landmarks, faces.landmarks(0), atol=0.01)


def test_every_part_but_the_background_has_files() -> None:
    assert sorted(PARTS.values()) == sorted(CELEBAMASK_HQ[1:])


def test_later_parts_lie_above_earlier_ones(tmp_path: Path) -> None:
    everything = np.full((16, 16), 255, np.uint8)
    half = everything.copy()
    half[8:] = 0
    save(tmp_path / "CelebA-HQ-img" / "3.jpg", np.zeros((32, 32, 3), np.uint8))
    save(tmp_path / "CelebAMask-HQ-mask-anno" / "0" / "00003_hair.png", half)
    save(tmp_path / "CelebAMask-HQ-mask-anno" / "0" / "00003_skin.png", everything)
    (face,) = CelebAMaskHQ(tmp_path).faces("3", 16, MiddlePoints())
    assert (face.parsing[:8] == CELEBAMASK_HQ.index("hair")).all()
    assert (face.parsing[8:] == CELEBAMASK_HQ.index("skin")).all()


def test_without_masks_pictures_and_attributes_alone(tmp_path: Path) -> None:
    """The list of attributes also says which pictures are missing."""
    write_celebamask_hq(tmp_path, [0, 1])
    lines = ["3", "Smiling Male", "0.jpg -1 1", "1.jpg  1 -1", "2.jpg 1 1"]
    (tmp_path / "CelebAMask-HQ-attribute-anno.txt").write_text("\n".join(lines) + "\n")
    source = CelebAMaskHQ(tmp_path, masks=False)
    assert source.names() == ["0", "1", "2"]
    assert source.columns() == ["Smiling", "Male"]
    (face,) = source.faces("1", 64, MiddlePoints())
    assert (face.numbers, face.parsing) == ((1, -1), None)
    with pytest.raises(Unusable, match=r"missing picture: .*2\.jpg"):
        source.faces("2", 64, MiddlePoints())
    whole = CelebAMaskHQ(tmp_path)
    whole.names()
    assert whole.faces("0", 64, MiddlePoints())[0].numbers == (-1, 1)


def test_a_face_without_masks_is_left_out(tmp_path: Path) -> None:
    write_celebamask_hq(tmp_path, [1])
    save(tmp_path / "CelebA-HQ-img" / "5.jpg", np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(Unusable, match=r"no masks: .*00005"):
        CelebAMaskHQ(tmp_path).faces("5", 64, MiddlePoints())


def test_another_folder_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="CelebA-HQ-img is missing: name the unpacked data set"):
        CelebAMaskHQ(tmp_path).names()
    write_celebamask_hq(tmp_path, [1])
    masks = tmp_path / "CelebAMask-HQ-mask-anno" / "0"
    cv2.imwrite(str(masks / "00001_nose.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(Unusable, match=r"masks of different sizes: .*00001_nose\.png"):
        CelebAMaskHQ(tmp_path).faces("1", 64, MiddlePoints())
    (masks / "00001_nose.png").write_bytes(b"no picture")
    with pytest.raises(Unusable, match=r"no mask, or a broken one: .*00001_nose\.png"):
        CelebAMaskHQ(tmp_path).faces("1", 64, MiddlePoints())
    (tmp_path / "CelebA-HQ-img" / "cover.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="called by their number"):
        CelebAMaskHQ(tmp_path).names()
