"""Small folders that the finder's scenes are made of: pictures without a face, and photographs of drawn people."""

import json
from pathlib import Path

import cv2
import numpy as np

from training.data.drawn import DrawnFaces
from training.papers.finder.points import five_points

PEOPLE = DrawnFaces(6, 96, seed=3)


def write_scenes(folder: Path) -> None:
    """Ten pictures without a face, of several shapes."""
    rng = np.random.default_rng(0)
    for index in range(10):
        coarse = rng.integers(256, size=(6, 5 + index, 3)).astype(np.uint8)
        write(folder / f"{index}.png", cv2.resize(coarse, (60 + 8 * index, 72), interpolation=cv2.INTER_CUBIC))


def write_people(folder: Path) -> None:
    """Five photographs of two drawn faces side by side, the right one uncertain."""
    marks = {}
    for index in range(5):
        write(folder / f"p{index}.png", np.hstack([PEOPLE.image(index), PEOPLE.image(index + 1)]))
        points = [five_points(PEOPLE.landmarks(index + place)) + np.array([96 * place, 0]) for place in range(2)]
        marks[f"p{index}"] = [
            {"score": score, "points": five.tolist()} for score, five in zip((0.95, 0.5), points, strict=True)
        ]
    (folder / "faces.json").write_text(json.dumps(marks))


def write(path: Path, picture: np.ndarray) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
