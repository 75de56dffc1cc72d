"""Small data sets in the formats of the published ones, made of drawn faces."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.drawn import DrawnFaces
from training.data.importers.celeba import FEATURE_COLUMNS
from training.data.importers.celebamask_hq import PARTS
from training.data.parsing import HELEN


class MiddlePoints:
    """Landmarks of a drawn face, stretched to whatever frame is looked at."""

    description = "of a drawn face"

    def known(self, name: str) -> None:
        return None

    def look(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        return DrawnFaces(1, 128).landmarks(0) * (frame.shape[0] / 128)


def save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 100])


def write_celebamask_hq(folder: Path, numbers: list[int], *, viewers_left: bool = False) -> DrawnFaces:
    """Pictures of twice the masks' size; masks in three channels, as some are. `viewers_left` swaps the sides."""
    faces = DrawnFaces(len(numbers), 128)
    for index, number in enumerate(numbers):
        large = cv2.resize(faces.image(index), (256, 256), interpolation=cv2.INTER_CUBIC)
        save(folder / "CelebA-HQ-img" / f"{number}.jpg", cv2.cvtColor(large, cv2.COLOR_RGB2BGR))
        for part, name in PARTS.items():
            if name not in HELEN:
                continue
            if viewers_left and name.startswith(("left_", "right_")):
                name = name.replace("left_", "x_").replace("right_", "left_").replace("x_", "right_")
            mask = (faces.parsing(index) == HELEN.index(name)).astype(np.uint8) * 255
            if mask.any():
                path = f"CelebAMask-HQ-mask-anno/{number // 2000}/{number:05d}_{part}.png"
                save(folder / path, np.repeat(mask[..., None], 3, axis=2))
    return faces


def write_helen(folder: Path, names: list[str]) -> DrawnFaces:
    """Photographs wider than high with the face right of the middle; soft masks; the last name is the test list."""
    faces = DrawnFaces(len(names), 96)
    for index, name in enumerate(names):
        picture = np.full((160, 240, 3), 90, np.uint8)
        picture[40:136, 120:216] = faces.image(index)
        save(folder / "images" / f"{name}.jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        parsing = np.zeros((160, 240), np.uint8)
        parsing[40:136, 120:216] = faces.parsing(index)
        for label in range(11):
            soft = cv2.GaussianBlur((parsing == label).astype(np.float32) * 255, (0, 0), 0.7)
            save(folder / "labels" / name / f"{name}_lbl{label:02d}.png", soft.round().astype(np.uint8))
    (folder / "exemplars.txt").write_text("".join(f"{i} , {name}\n" for i, name in enumerate(names[:-1])))
    (folder / "testing.txt").write_text(f"0 , {names[-1]}\n")
    return faces


def write_pts(path: Path, points: NDArray[np.float32]) -> None:
    """The format of iBUG: the first pixel is (1, 1)."""
    lines = [f"{x + 1:.3f} {y + 1:.3f}" for x, y in points]
    path.write_text("\n".join(["version: 1", f"n_points:  {len(points)}", "{", *lines, "}"]) + "\n")


CELEBA_ATTRIBUTES = ("5_o_Clock_Shadow", "Arched_Eyebrows", "Smiling")
CELEBA_POINTS = ((69, 109), (106, 113), (77, 142), (73, 152), (108, 154))


def write_celeba(folder: Path, partition: list[int]) -> None:
    """As many pictures as splits (0, 1, 2); a picture's colours are its own, its middle square is lighter."""
    names = [f"{index + 1:06d}.jpg" for index in range(len(partition))]
    for index, name in enumerate(names):
        picture = np.full((218, 178, 3), 40 + index, np.uint8)
        picture[20:198] += 100
        save(folder / "img_align_celeba" / name, picture)
    lines = "".join(f"{name} {split}\n" for name, split in zip(names, partition, strict=True))
    (folder / "list_eval_partition.txt").write_text(lines)
    attributes = [f"{name} -1  1 {1 if index % 2 else -1}" for index, name in enumerate(names)]
    head = [str(len(names)), " ".join(CELEBA_ATTRIBUTES) + " "]
    (folder / "list_attr_celeba.txt").write_text("\n".join([*head, *attributes]) + "\n")
    cells = "  ".join(f"{x:3d} {y:3d}" for x, y in CELEBA_POINTS)
    rows = [f"{name} {cells}" for name in names]
    (folder / "list_landmarks_align_celeba.txt").write_text(
        "\n".join([str(len(names)), " ".join(FEATURE_COLUMNS), *rows]) + "\n"
    )
