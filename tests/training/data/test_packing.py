from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from training.data.checks import open_contents
from training.data.packing import write_pack
from training.data.table import DataError


def test_a_pack_is_a_file_of_safetensors(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "faces.csv").read_text().splitlines()
    splits = ["split", *["train"] * 9, "validation", "test", "train"]
    (folder / "faces.csv").write_text("".join(f"{line},{split}\n" for line, split in zip(lines, splits, strict=True)))
    contents = open_contents(folder)
    write_pack(contents, tmp_path / "pack.safetensors")
    with safe_open(tmp_path / "pack.safetensors", "np") as pack:
        assert set(pack.keys()) == {"ends", "landmarks", "numbers", "splits", "files"}
        assert np.array_equal(pack.get_tensor("landmarks"), contents.landmarks)
        assert np.array_equal(pack.get_tensor("numbers"), contents.table.numbers)
        assert pack.get_tensor("splits").tolist() == [0] * 9 + [1, 2, 0]
        stored, ends = pack.get_tensor("files").tobytes(), pack.get_tensor("ends")
        assert stored[ends[3, 1] : ends[4, 0]] == (folder / "images" / "0004.png").read_bytes()
        assert stored[ends[4, 0] : ends[4, 1]] == (folder / "parsing" / "0004.png").read_bytes()
        assert len(pack.metadata()["content"]) == 64


def test_a_folder_that_changes_meanwhile_is_refused(folder: Path, tmp_path: Path) -> None:
    """A picture grows after the folder was listed."""
    contents = open_contents(folder)
    with (folder / "images" / "0005.png").open("ab") as picture:
        picture.write(b"more")
    with pytest.raises(DataError, match="changed while it was packed"):
        write_pack(contents, tmp_path / "pack.safetensors")
    assert not list(tmp_path.glob("pack*"))
