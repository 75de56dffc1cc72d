"""What --augmented may name."""

from pathlib import Path

import pytest

from training.augmentation import augmentation
from training.data.augmented import PairedFaces
from training.data.drawn import write_folder
from training.data.faces import open_split
from training.errors import OptionError
from training.papers.lafin.recipe import lafin, lafin_augmented


def test_a_folder_a_snapshot_or_nothing(drawn_folder: Path, tmp_path: Path) -> None:
    faces = open_split(drawn_folder, "train")
    parts = lafin_augmented().parts
    assert augmentation(None, parts, faces) == (faces, None)
    assert augmentation(tmp_path / "generator.safetensors", parts, faces) == (
        faces,
        tmp_path / "generator.safetensors",
    )
    write_folder(tmp_path / "augmented", 10, 64, seed=0)
    paired, generator = augmentation(tmp_path / "augmented", parts, faces)
    assert isinstance(paired, PairedFaces)
    assert generator is None


def test_a_snapshot_that_nobody_would_use_is_refused(drawn_folder: Path, tmp_path: Path) -> None:
    faces = open_split(drawn_folder, "train")
    with pytest.raises(OptionError, match="is for recipes that augment"):
        augmentation(tmp_path / "generator.safetensors", lafin().parts, faces)
