"""Pictures that scenes are made of: cut-out heads, face-free pictures, photographs of people with points of faces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.faces import DataError, Faces
from training.data.landmarks import to_68
from training.data.parsing import CLASS_SETS, IGNORE
from training.papers.finder.points import POINT_COUNT

LEVELS = (64, 128, 256)  # sides at which heads are kept
SURE_SCORE = 0.88  # of a pseudo label: a face, nearly always
HELD_OUT_SCENES = 100  # a fifth where there are fewer: never trained on, false alarms are counted on them
HELD_OUT_PEOPLE = 4  # every fourth photograph
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")

Rgb = NDArray[np.uint8]


class Heads:
    """The faces of a prepared folder with their outlines, at three sides; each is made when it is first asked for.

    They are kept: of a face of 256 px all sides together take 0.35 MB.
    """

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self._kept: dict[tuple[int, int], tuple[NDArray[np.uint8], NDArray[np.float32]]] = {}

    def __len__(self) -> int:
        return len(self.faces)

    def at(self, index: int, pixels: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """RGB and opacity [s,s,4], s the smallest level of at least `pixels`, and landmarks [68,2] in its pixels."""
        level = next((level for level in LEVELS if level >= pixels), LEVELS[-1])
        if (index, level) not in self._kept:
            self._kept[index, level] = self._cut(index, level)
        return self._kept[index, level]

    def _cut(self, index: int, level: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        picture, parsing = self.faces.image(index), self.faces.parsing(index)
        landmarks = to_68(self.faces.landmarks(index))
        if parsing is None:
            raise DataError(f"face {index} has no parsing map; scenes need its head's outline")
        shown = ((parsing != 0) & (parsing != IGNORE)).astype(np.uint8) * 255
        if "neck" not in CLASS_SETS[self.faces.parsing_classes]:
            add_shoulders(shown, landmarks)
        opacity = cv2.GaussianBlur(shown, (0, 0), picture.shape[0] / 100)
        side = min(level, picture.shape[0])
        head = cv2.resize(np.dstack((picture, opacity)), (side, side), interpolation=cv2.INTER_AREA)
        scaled = (landmarks + 0.5) * (side / picture.shape[0]) - 0.5
        return np.asarray(head, dtype=np.uint8), scaled.astype(np.float32)


def add_shoulders(shown: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> None:
    """Draw neck and shoulders below the jaw, down to the picture's lower border, where a map does not know them."""
    side = shown.shape[0]
    left, right, bottom = landmarks[4], landmarks[12], (landmarks[4, 1] + 2 * side) / 3
    reach = 0.7 * (right[0] - left[0])
    outline = [left, right, (right[0], bottom), (right[0] + reach, side), (left[0] - reach, side), (left[0], bottom)]
    cv2.fillPoly(shown, [np.round(np.array(outline, np.float32)).astype(np.int32)], 255)


class Pictures:
    """The pictures of a folder, RGB, read when first asked for; `names` without their endings, sorted."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.files = {path.stem: path for path in sorted(self.folder.glob("*")) if path.suffix.lower() in ENDINGS}
        if not self.files:
            raise DataError(f"no pictures in {self.folder}")
        self._kept: dict[str, Rgb] = {}

    def read(self, name: str) -> Rgb:
        if name not in self._kept:
            stored = cv2.imread(str(self.files[name]), cv2.IMREAD_COLOR)
            if stored is None:
                raise DataError(f"{self.files[name]} cannot be decoded")
            self._kept[name] = np.asarray(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        return self._kept[name]


class Backdrops:
    """Pictures without a face: the `train` ones, or those kept apart (`held_out`), spread evenly over the names."""

    def __init__(self, folder: Path, *, held_out: bool) -> None:
        self.pictures = Pictures(folder)
        names = list(self.pictures.files)
        kept = min(HELD_OUT_SCENES, max(1, len(names) // 5))
        apart = {names[place * len(names) // kept] for place in range(kept)}
        self.names = [name for name in names if (name in apart) == held_out]
        if not self.names:
            raise DataError(f"{folder} needs at least two pictures")

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Rgb:
        return self.pictures.read(self.names[index])


class SceneFaces:
    """The faces of a prepared folder, and beside them what scenes are made of. No `people`: no photographs."""

    def __init__(self, faces: Faces, scenes: Path, people: Path | None, *, held_out: bool = False) -> None:
        self.faces = faces
        self.heads = Heads(faces)
        self.backdrops = Backdrops(scenes, held_out=held_out)
        self.people = People(people, held_out=held_out) if people else None

    @property
    def parsing_classes(self) -> int:
        return self.faces.parsing_classes

    def __len__(self) -> int:
        return len(self.faces)

    def image(self, index: int) -> Rgb:
        return self.faces.image(index)

    def landmarks(self, index: int) -> NDArray[np.float32]:
        return self.faces.landmarks(index)

    def parsing(self, index: int) -> NDArray[np.uint8] | None:
        return self.faces.parsing(index)

    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        return self.faces.attributes(index, names)

    def known_attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        return self.faces.known_attributes(index, names)


class People:
    """Photographs of people: pictures and `faces.json`, name -> [{score, points: five (x, y)}], pixels."""

    def __init__(self, folder: Path, *, held_out: bool) -> None:
        self.pictures = Pictures(folder)
        path = Path(folder) / "faces.json"
        try:
            self.faces: dict[str, list[dict[str, object]]] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        names = sorted(self.faces)
        missing = [name for name in names if name not in self.pictures.files]
        if missing:
            raise DataError(f"{path} names {missing[0]}, which is not in its folder")
        self.names = [name for place, name in enumerate(names) if (place % HELD_OUT_PEOPLE == 0) == held_out]
        if not self.names:
            raise DataError(f"{path} names too few pictures")

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Rgb:
        return self.pictures.read(self.names[index])

    def smaller(self, index: int, share: float) -> tuple[Rgb, NDArray[np.float32]]:
        """A photograph shrunk to a share of its sides, by area, and the shares that its whole pixels come to, [2]."""
        picture = self.image(index)
        size = [max(1, round(side * share)) for side in picture.shape[1::-1]]
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        shrunk = [new / old for new, old in zip(size, picture.shape[1::-1], strict=True)]
        return small, np.array(shrunk, np.float32)

    def points(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Five points of each face [n,5,2], and which of them are surely faces [n]."""
        marked = self.faces[self.names[index]]
        points = np.array([face["points"] for face in marked], np.float32).reshape(-1, POINT_COUNT, 2)
        sure = np.array([float(str(face["score"])) >= SURE_SCORE for face in marked], np.bool_)
        return points, sure
