"""Drawn faces with exact landmarks and parsing maps: data for tests and tiny recipes, made from a seed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.drawn_paint import ATTRIBUTES, DrawnFace, draw_face
from training.data.parsing import HELEN


class DrawnFaces:
    """A set of drawn faces, with what a prepared folder has; each is drawn when it is first asked for, then kept.

    Face i is `draw_face((seed, i), size)`. Pictures are RGB [size,size,3] uint8, landmarks [68,2] float32 in pixels,
    parsing maps [size,size] uint8 with Helen's eleven classes.
    """

    parsing_classes = len(HELEN)

    def __init__(self, count: int, size: int, seed: int = 0) -> None:
        self.count = count
        self.size = size
        self.seed = seed
        self._faces: dict[int, DrawnFace] = {}

    def __len__(self) -> int:
        return self.count

    def face(self, index: int) -> DrawnFace:
        if not 0 <= index < self.count:
            raise IndexError(f"face {index} of {self.count}")
        if index not in self._faces:
            self._faces[index] = draw_face((self.seed, index), self.size)
        return self._faces[index]

    def name(self, index: int) -> str:
        return f"{index:04d}"

    def image(self, index: int) -> NDArray[np.uint8]:
        return self.face(index).image

    def landmarks(self, index: int) -> NDArray[np.float32]:
        return self.face(index).landmarks

    def parsing(self, index: int) -> NDArray[np.uint8]:
        return self.face(index).parsing

    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """Of ATTRIBUTES, [A]."""
        return np.array([self.face(index).attributes[name] for name in names], np.float32)

    def known_attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """Of any names, [A]; NaN for those that are not in ATTRIBUTES."""
        return np.array([self.face(index).attributes.get(name, np.nan) for name in names], np.float32)


def write_folder(path: str | Path, count: int, size: int, seed: int = 0) -> None:
    """A prepared folder of `count` drawn faces: images/, parsing/, landmarks.npy and faces.csv."""
    folder = Path(path)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "parsing").mkdir(exist_ok=True)
    faces = DrawnFaces(count, size, seed)
    rows, points = [], []
    for index in range(count):
        face, name = faces.face(index), faces.name(index)
        cv2.imwrite(str(folder / "images" / f"{name}.png"), cv2.cvtColor(face.image, cv2.COLOR_RGB2BGR))
        cv2.imwrite(str(folder / "parsing" / f"{name}.png"), face.parsing)
        rows.append([name, *(f"{face.attributes[attribute]:.2f}" for attribute in ATTRIBUTES)])
        points.append(face.landmarks)
    np.save(folder / "landmarks.npy", np.stack(points))
    with (folder / "faces.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["name", *ATTRIBUTES], *rows])
