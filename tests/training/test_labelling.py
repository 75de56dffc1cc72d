"""Maps by a parser: it looks twice, and what is written says which classes it knows."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.training.test_prepare import message_of, prepare
from training.checkpoint import save_snapshot
from training.data.drawn import DrawnFaces
from training.data.faces import FaceFolder, open_split
from training.data.parsing import HELEN, SHOWFACE, flip
from training.data.table import DataError
from training.frozen.parsers import FaceParser
from training.labelling import disagreeing, label_faces, look_twice
from training.papers.parser.networks import Parser


class Answering(FaceParser):
    """Says what it is told of the picture as it is, and nothing of a mirrored one; notes the sides that it saw."""

    def __init__(self, logits: Tensor, pixels: int | None = None) -> None:
        super().__init__(pixels)
        self.logits = logits
        self.sides: list[int] = []

    def forward(self, image: Tensor) -> Tensor:
        self.sides.append(image.shape[-1])
        straight = F.interpolate(self.logits[None], size=image.shape[2:], mode="nearest")
        return torch.cat((straight, torch.zeros_like(straight)))


class Seeing(FaceParser):
    """Finds the classes of a drawn face again by its colours, on either side: a parser without a mistake."""

    def __init__(self, face: int) -> None:
        super().__init__(64)
        drawn = DrawnFaces(face + 1, 64)
        self.picture, self.parsing = drawn.image(face), drawn.parsing(face)

    def forward(self, image: Tensor) -> Tensor:
        maps = []
        for one in image:
            straight = np.array_equal((one * 255).round().byte().permute(1, 2, 0).numpy(), self.picture)
            maps.append(self.parsing if straight else flip(self.parsing, 11))
        return 20 * F.one_hot(torch.from_numpy(np.stack(maps)).long(), 11).permute(0, 3, 1, 2).float()


def test_left_and_right_change_places_in_the_mirror() -> None:
    seeing = Seeing(2)
    logits = look_twice(seeing, seeing.picture)
    assert np.array_equal(logits.argmax(0).numpy(), seeing.parsing)
    assert float(logits.exp().amax(0).min()) > 0.99, "both looks agree"


def test_both_looks_count() -> None:
    """Half of the answer comes from the mirrored picture, of which this parser says nothing."""
    logits = torch.zeros(11, 1, 1)
    logits[HELEN.index("left_eye")] = 4
    found = look_twice(Answering(logits), np.zeros((32, 32, 3), np.uint8))
    straight = F.log_softmax(logits[:, 0, 0], dim=0)
    assert torch.allclose(found[:, 3, 3], (straight - np.log(11)) / 2, atol=1e-5)


@pytest.mark.parametrize(("pixels", "seen"), [(None, 256), (96, 96)])
def test_the_parser_sees_the_size_that_it_was_trained_on(pixels: int | None, seen: int) -> None:
    parser = Answering(torch.zeros(14, 1, 1), pixels)
    assert look_twice(parser, np.zeros((40, 40, 3), np.uint8)).shape == (14, 40, 40)
    assert parser.sides == [seen]


def test_an_unknown_set_of_classes_is_refused() -> None:
    with pytest.raises(DataError, match="12 classes; there are sets of"):
        look_twice(Answering(torch.zeros(12, 1, 1)), np.zeros((32, 32, 3), np.uint8))


def test_a_folder_is_labelled(drawn_folder: Path, tmp_path: Path) -> None:
    """The same faces in the same splits, with maps of the parser's classes."""
    save_snapshot(tmp_path / "parser.safetensors", Parser(14, width=4).state_dict(), {"pixels": "64"})
    bare = Path(shutil.copytree(drawn_folder, tmp_path / "bare", ignore=shutil.ignore_patterns(".packed", "parsing")))
    asked = ("label", bare, "--parser", tmp_path / "parser.safetensors", "-o", tmp_path / "out", "--device", "cpu")
    result = prepare(*asked)
    assert result.exit_code == 0, result.output
    assert "6 faces with maps of 14 classes in" in result.output
    assert (tmp_path / "out" / "parsing" / "classes.txt").read_text().split() == list(SHOWFACE)
    was, now = FaceFolder(bare), open_split(tmp_path / "out", "all")
    assert now.names == was.names
    assert np.array_equal(now.image(3), was.image(3))
    assert np.array_equal(now.landmarks(3), was.landmarks(3))
    assert now.parsing(5).shape == (128, 128)
    assert len(open_split(tmp_path / "out", "validation")) == len(open_split(bare, "validation"))
    assert "faces.csv exists: name a new folder" in message_of(prepare(*asked))


def test_a_broken_off_folder_is_begun_anew(drawn_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "parsing").mkdir(parents=True)
    (tmp_path / "out" / "parsing" / "000000.png").write_bytes(b"half a map")
    assert len(label_faces(drawn_folder, Answering(torch.eye(14)[1][:, None, None], 32), tmp_path / "out")) == 6
    assert (FaceFolder(tmp_path / "out").parsing(0) == 1).all()


def test_faces_whose_maps_and_landmarks_disagree_are_named(drawn_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(drawn_folder, tmp_path / "faces", ignore=shutil.ignore_patterns(".packed")))
    assert disagreeing(FaceFolder(folder)) == []
    points = np.load(folder / "landmarks.npy")
    points[2] += 40
    np.save(folder / "landmarks.npy", points)
    assert disagreeing(FaceFolder(folder)) == ["0002"]
