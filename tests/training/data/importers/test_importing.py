import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import MiddlePoints, write_celebamask_hq
from training.data.drawn import DrawnFaces
from training.data.faces import FaceFolder, open_split
from training.data.importers.celebamask_hq import CelebAMaskHQ
from training.data.importers.importing import Wishes, import_faces
from training.data.importers.source import ImportedFace, Points, Unusable
from training.data.parsing import merge_table
from training.data.table import DataError

FACES = DrawnFaces(8, 64, seed=2)


class DrawnSource:
    """Drawn faces under the names 0 to 7; picture 3 is broken, 5 holds two faces. Stops before `stop`."""

    folder = Path()
    licence = "drawn"
    doubtful = False
    parsing_classes = None
    own_points = None

    def __init__(self, stop: str | None = None) -> None:
        self.stop = stop
        self.asked: list[str] = []

    def names(self) -> list[str]:
        return [str(index) for index in range(8)]

    def lists(self) -> list[Path]:
        return []

    def columns(self) -> list[str]:
        return ["age", "height"]

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        if name == self.stop:
            raise KeyboardInterrupt
        self.asked.append(name)
        if name == "3":
            raise Unusable("no picture, or a broken one", "3.jpg")
        index = int(name)
        return [
            ImportedFace(one, FACES.image(index), FACES.landmarks(index), numbers=(index, 0.5))
            for one in ([name] if name != "5" else ["5", "5-2"])
        ]


def take(drawn: DrawnSource, output: Path, *, workers: int = 1, strict: bool = False, **options: str):
    wishes = Wishes(64, {"source": "drawn", **options}, frozenset({"7"}), strict, workers)
    return import_faces(drawn, drawn.names(), MiddlePoints(), output, wishes)


def contents_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_one_broken_picture_does_not_end_an_import(tmp_path: Path) -> None:
    imported = take(DrawnSource(), tmp_path / "out")
    assert imported.faces == 8
    assert imported.left_out == {"no picture, or a broken one": 1}
    faces = FaceFolder(tmp_path / "out")
    assert faces.names == ["0", "1", "2", "4", "5", "5-2", "6", "7"]
    assert np.allclose(faces.landmarks(3), FACES.landmarks(4), atol=0.001)
    assert np.abs(faces.image(3).astype(int) - FACES.image(4)).mean() < 5
    assert faces.attributes(4, ["height", "age"]).tolist() == [0.5, 5]
    with (tmp_path / "out" / "manifest.csv").open(newline="") as rows:
        manifest = {row["picture"]: (row["faces"], row["left_out"]) for row in csv.DictReader(rows)}
    assert manifest["3"] == ("", "no picture, or a broken one: 3.jpg")
    assert manifest["5"] == ("5 5-2", "")
    assert len(manifest) == 8
    assert not (tmp_path / "out" / ".importing").exists()


def test_what_was_broken_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    take(DrawnSource(), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        take(DrawnSource(stop="4"), tmp_path / "out")
    assert not (tmp_path / "out" / "faces.csv").exists()
    journal = tmp_path / "out" / ".importing" / "journal.jsonl"
    journal.write_text(journal.read_text() + '{"picture": "4", "faces": [{"na')
    again = DrawnSource()
    assert take(again, tmp_path / "out").faces == 8
    assert again.asked == ["4", "5", "6", "7"]
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "whole")


def test_an_import_that_was_killed_at_its_edges(tmp_path: Path) -> None:
    """Before its journal was there, it begins anew; after its table was there, it is done, and what is left goes."""
    (tmp_path / "out" / "images").mkdir(parents=True)
    (tmp_path / "out" / ".importing" / "parsing").mkdir(parents=True)
    assert take(DrawnSource(), tmp_path / "out").faces == 8
    (tmp_path / "out" / ".importing" / "parsing").mkdir(parents=True)
    with pytest.raises(DataError, match=r"faces\.csv exists"):
        take(DrawnSource(), tmp_path / "out")
    assert not (tmp_path / "out" / ".importing").exists()


def test_a_folder_of_pictures_is_no_begun_import(tmp_path: Path) -> None:
    (tmp_path / "out" / "images").mkdir(parents=True)
    (tmp_path / "out" / "images" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(DataError, match="holds pictures already"):
        take(DrawnSource(), tmp_path / "out")
    assert contents_of(tmp_path / "out") == {"images/mine.jpg": b"mine"}


def test_the_last_steps_can_be_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the maps changed sides and before the table was written: they do not change back."""
    drawn = write_celebamask_hq(tmp_path / "source", [1, 2], viewers_left=True)
    source = CelebAMaskHQ(tmp_path / "source")

    def run() -> None:
        import_faces(source, source.names(), MiddlePoints(), tmp_path / "out", Wishes(128, {}))

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run()
    run()
    table = merge_table(19, 11)
    assert table is not None
    assert np.array_equal(table[FaceFolder(tmp_path / "out").parsing(1)], drawn.parsing(1))


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_other_options_and_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        take(DrawnSource(stop="4"), tmp_path / "out")
    with pytest.raises(DataError, match="was begun with source drawn, not other: take the same options"):
        take(DrawnSource(), tmp_path / "out", source="other")
    with pytest.raises(DataError, match="was begun with frame None, not crop"):
        take(DrawnSource(), tmp_path / "out", frame="crop")
    take(DrawnSource(), tmp_path / "out")
    with pytest.raises(DataError, match=r"faces\.csv exists"):
        take(DrawnSource(), tmp_path / "out")
    (tmp_path / "notes").mkdir(exist_ok=True)
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(DataError, match="holds other files"):
        take(DrawnSource(), tmp_path / "notes")
    assert contents_of(tmp_path / "notes") == {"a.txt": b"mine"}


class Nothing(DrawnSource):
    """The first picture is broken, the others show nobody."""

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        raise Unusable("no picture", "0.jpg") if name == "0" else Unusable("no face", f"{name}.jpg")


class Unlikely(DrawnSource):
    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        faces = super().faces(name, pixels, points)
        scale = {"2": 0.01, "6": np.nan}.get(name, 1.0)
        return [ImportedFace(face.name, face.picture, face.landmarks * np.float32(scale)) for face in faces]

    def columns(self) -> list[str]:
        return []


def test_without_a_face_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no face could be imported: no face: 1\.jpg \(7 of 8 pictures\)"):
        take(Nothing(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert take(DrawnSource(), tmp_path / "out").faces == 8


def test_unlikely_landmarks_leave_a_face_out(tmp_path: Path) -> None:
    imported = take(Unlikely(), tmp_path / "out")
    assert imported.left_out == {"unlikely landmarks": 2, "no picture, or a broken one": 1}
    assert FaceFolder(tmp_path / "out").names == ["0", "1", "4", "5", "5-2", "7"]


def test_the_folder_has_the_splits(tmp_path: Path) -> None:
    take(DrawnSource(), tmp_path / "out")
    assert len(open_split(tmp_path / "out", "validation")) == 1
    assert len(open_split(tmp_path / "out", "train")) == 6
    assert open_split(tmp_path / "out", "test").name(0) == "7", "as was wished"


@pytest.mark.parametrize("workers", [2, 5])
def test_however_many_work_on_it_the_folder_is_the_same(tmp_path: Path, workers: int) -> None:
    take(DrawnSource(), tmp_path / "one")
    take(DrawnSource(), tmp_path / "several", workers=workers)
    assert contents_of(tmp_path / "several") == contents_of(tmp_path / "one")


def test_several_that_were_broken_off_go_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        take(DrawnSource(stop="4"), tmp_path / "out", workers=3)
    assert take(DrawnSource(), tmp_path / "out", workers=3).faces == 8
    take(DrawnSource(), tmp_path / "whole")
    assert contents_of(tmp_path / "out") == contents_of(tmp_path / "whole")


def test_strict_ends_with_the_first_broken_picture(tmp_path: Path) -> None:
    """Whether it meets the picture or a journal that left it out; the same command without it goes on."""
    for _ in range(2):
        with pytest.raises(DataError, match=r"--strict, and 3 cannot be used: no picture, or a broken one: 3\.jpg"):
            take(DrawnSource(), tmp_path / "out", strict=True)
    with pytest.raises(KeyboardInterrupt):
        take(DrawnSource(stop="6"), tmp_path / "out")
    with pytest.raises(DataError, match="--strict, and 3 cannot be used"):
        take(DrawnSource(), tmp_path / "out", strict=True)
    again = DrawnSource()
    assert take(again, tmp_path / "out").faces == 8
    assert again.asked == ["6", "7"]


def test_the_manifests_say_what_came_of_it(tmp_path: Path) -> None:
    take(DrawnSource(), tmp_path / "out")
    about = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (about["licence"], about["source"], about["pixels"]) == ("drawn", "drawn", "64")
    assert (about["pictures"], about["faces"]) == (8, 8)
    assert about["splits"] == {"train": 6, "validation": 1, "test": 1}
    assert about["left_out"] == {"no picture, or a broken one": 1}
    assert about["left_out_pictures"] == {"3": "no picture, or a broken one: 3.jpg"}
    for name, digest in about["sha256"].items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest
    with (tmp_path / "out" / "manifest.csv").open(newline="") as rows:
        two = next(row for row in csv.DictReader(rows) if row["picture"] == "5")
    pictures = [(tmp_path / "out" / "images" / f"{name}.jpg").read_bytes() for name in ("5", "5-2")]
    assert two["sha256"].split() == [hashlib.sha256(picture).hexdigest() for picture in pictures]


def test_the_journal_is_text(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        take(DrawnSource(stop="2"), tmp_path / "out")
    options, *lines = (tmp_path / "out" / ".importing" / "journal.jsonl").read_text().splitlines()
    expected = {"source": "drawn", "pixels": "64", "landmarks": "of a drawn face"}
    assert json.loads(options) == expected
    assert [json.loads(line)["picture"] for line in lines] == ["0", "1"]
