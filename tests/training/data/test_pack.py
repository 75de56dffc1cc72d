import multiprocessing
import os
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from training.data.drawn import DrawnFaces
from training.data.pack import Pack, open_pack
from training.data.table import DataError

DRAWN = DrawnFaces(12, 64, seed=1)


def assert_is_drawn(pack: Pack) -> None:
    assert pack.names == [DRAWN.name(index) for index in range(12)]
    for index in (0, 5, 11):
        assert np.array_equal(pack.picture(index), DRAWN.image(index))
        assert np.array_equal(pack.parsing(index), DRAWN.parsing(index))
        assert np.array_equal(pack.landmarks[index], DRAWN.landmarks(index))


def test_a_pack_holds_what_the_folder_holds(folder: Path) -> None:
    pack = open_pack(folder)
    assert pack.file == folder / ".packed" / "faces.safetensors"
    assert_is_drawn(pack)
    assert pack.classes == 11
    assert pack.has_map.all()
    assert (pack.splits == -1).all()
    assert not list(pack.file.parent.glob("*.part"))


def test_it_is_made_once(folder: Path) -> None:
    made = open_pack(folder).file.stat().st_ino
    assert open_pack(folder).file.stat().st_ino == made


def test_it_is_made_again_when_the_folder_changes(folder: Path) -> None:
    before = open_pack(folder)
    picture = np.full((64, 64, 3), 200, np.uint8)
    assert cv2.imwrite(str(folder / "images" / "0005.png"), picture)
    after = open_pack(folder)
    assert np.array_equal(after.picture(5), picture)
    assert after.content != before.content
    assert np.array_equal(before.picture(5), DRAWN.image(5)), "who reads the old one goes on"


def test_equal_folders_have_equal_content(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    os.utime(other / "faces.csv", ns=(0, 0))
    one, another = open_pack(folder), open_pack(other)
    assert one.content == another.content
    assert one.fingerprint != another.fingerprint


@pytest.mark.parametrize("stored", [b"", b"1234", b"\x05\0\0\0\0\0\0\0{}   ", b"\xff" * 40])
def test_a_broken_pack_is_made_again(folder: Path, stored: bytes) -> None:
    file = open_pack(folder).file
    file.write_bytes(stored)
    assert_is_drawn(open_pack(folder))


def test_a_pack_of_another_format_is_made_again(folder: Path) -> None:
    file = open_pack(folder).file
    file.write_bytes(file.read_bytes().replace(b'"format": "1"', b'"format": "0"'))
    assert_is_drawn(open_pack(folder))
    assert b'"format": "1"' in file.read_bytes()


def test_a_folder_that_cannot_be_written_is_packed_in_the_cache(folder: Path, cache: Path) -> None:
    folder.chmod(0o555)
    pack = open_pack(folder)
    assert cache in pack.file.parents
    assert_is_drawn(pack)
    assert not (folder / ".packed").exists()
    assert open_pack(folder).file == pack.file


def test_a_read_only_folder_with_a_pack_is_read_there(folder: Path) -> None:
    file = open_pack(folder).file
    folder.chmod(0o555)
    file.parent.chmod(0o555)
    assert open_pack(folder).file == file


def test_without_a_place_there_is_no_pack(folder: Path, cache: Path) -> None:
    folder.chmod(0o555)
    cache.mkdir(mode=0o555)
    with pytest.raises(DataError, match="can be written neither to"):
        open_pack(folder)


def test_faults_leave_no_pack(folder: Path) -> None:
    (folder / "images" / "0002.png").unlink()
    with pytest.raises(DataError, match="no picture of 0002"):
        open_pack(folder)
    assert [path.name for path in (folder / ".packed").iterdir()] == ["lock"]


def names_of(folder: Path) -> tuple[int, list[str]]:
    pack = open_pack(folder)
    return pack.file.stat().st_ino, pack.names


def test_processes_that_begin_together_make_one_pack(folder: Path) -> None:
    with multiprocessing.get_context("fork").Pool(3) as processes:
        found = processes.map(names_of, [folder] * 3, chunksize=1)
    assert len({inode for inode, _ in found}) == 1


def test_another_process_opens_the_file_by_itself(folder: Path) -> None:
    pickled = pickle.dumps(open_pack(folder))
    assert len(pickled) < 1000
    assert_is_drawn(pickle.loads(pickled))


def test_faces_that_were_read_take_no_memory(tmp_path: Path, drawn: Path) -> None:
    """Reading 64 MB of noise leaves less than a tenth of it in the process."""
    folder = tmp_path / "noise"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(40):
        cv2.imwrite(str(folder / "images" / f"{index}.png"), rng.integers(0, 255, (730, 730, 3), np.uint8))
    np.save(folder / "landmarks.npy", np.repeat(np.load(drawn / "landmarks.npy")[:1], 40, axis=0))
    (folder / "faces.csv").write_text("name\n" + "".join(f"{index}\n" for index in range(40)))
    pack = open_pack(folder)
    assert pack.file.stat().st_size > 60e6
    pack.picture(0)
    before = psutil.Process().memory_info().rss
    for index in range(40):
        pack.picture(index)
    assert psutil.Process().memory_info().rss - before < 6e6
