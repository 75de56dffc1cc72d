"""Small data sets in the formats of the published ones, made of drawn faces."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.training.faces98 import Faces98
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


def wide(face: np.ndarray) -> np.ndarray:
    """A photograph wider than high, [160,240,3], with a face of 96 pixels right of the middle."""
    picture = np.full((160, 240, 3), 90, np.uint8)
    picture[40:136, 120:216] = face
    return picture


def write_helen(folder: Path, names: list[str]) -> DrawnFaces:
    """Photographs wider than high with the face right of the middle; soft masks; the last name is the test list."""
    faces = DrawnFaces(len(names), 96)
    for index, name in enumerate(names):
        picture = wide(faces.image(index))
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


def write_ffhq(folder: Path, numbers: list[int], *, listed: bool = True) -> DrawnFaces:
    """Thumbnails of 128 px, and the list with landmarks of the pictures of 1024 px."""
    faces = DrawnFaces(len(numbers), 128)
    about = {}
    for index, number in enumerate(numbers):
        thousand = f"{number // 1000 * 1000:05d}"
        picture = cv2.cvtColor(faces.image(index), cv2.COLOR_RGB2BGR)
        save(folder / "thumbnails128x128" / thousand / f"{number:05d}.png", picture)
        points = ((faces.landmarks(index).astype(float) + 0.5) * 8 - 0.5).tolist()
        about[str(number)] = {
            "category": "training",
            "metadata": {"author": "A", "license": "Public Domain Mark"},
            "image": {"file_path": f"images1024x1024/{thousand}/{number:05d}.png", "face_landmarks": points},
            "thumbnail": {"file_path": f"thumbnails128x128/{thousand}/{number:05d}.png"},
        }
    if listed:
        (folder / "ffhq-dataset-v2.json").write_text(json.dumps(about))
    return faces


def write_300w(folder: Path, names: list[str]) -> DrawnFaces:
    """`helen/trainset/1_1` and so on: photographs wider than high, and landmarks; pictures of LFPW are PNG."""
    faces = DrawnFaces(len(names), 96)
    for index, name in enumerate(names):
        picture = wide(faces.image(index))
        ending = "png" if name.startswith("lfpw") else "jpg"
        save(folder / f"{name}.{ending}", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        write_pts(folder / f"{name}.pts", faces.landmarks(index) + np.float32([120, 40]))
    return faces


ONE_OF_EACH = [
    "afw/1_1",
    "helen/trainset/2_1",
    "helen/testset/3_1",
    "lfpw/trainset/im_1",
    "lfpw/testset/im_2",
    "ibug/i_1",
]
WFLW_LISTS = "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{}.txt"


def write_wflw(folder: Path, train: int, test: int) -> Faces98:
    """Two faces in each picture; the attributes of face i are the binary digits of i."""
    faces = Faces98(train + test, 96)
    lines: list[str] = []
    for index in range(train + test):
        path = f"0--Parade/0_Parade_{index // 2}.jpg"
        left = 10 + 110 * (index % 2)
        file = folder / "WFLW_images" / path
        picture = cv2.imread(str(file)) if index % 2 else np.full((160, 240, 3), 90, np.uint8)
        picture[40:136, left : left + 96] = cv2.cvtColor(faces.image(index), cv2.COLOR_RGB2BGR)
        save(file, picture)
        points = faces.landmarks(index) + np.float32([left, 40])
        cells = [f"{value:.6f}" for value in points.ravel()] + [str(left), "40", str(left + 96), "136"]
        lines.append(" ".join([*cells, *f"{index:06b}", path]))
    for split, part in (("train", lines[:train]), ("test", lines[train:])):
        (folder / WFLW_LISTS.format(split)).parent.mkdir(parents=True, exist_ok=True)
        (folder / WFLW_LISTS.format(split)).write_text("\n".join(part) + "\n")
    return faces


def write_omi(folder: Path, numbers: list[int]) -> DrawnFaces:
    faces = DrawnFaces(len(numbers), 96)
    rows = ["stimulus,trustworthy,well-groomed"]
    for index, number in enumerate(numbers):
        save(folder / "images" / f"{number}.jpg", cv2.cvtColor(faces.image(index), cv2.COLOR_RGB2BGR))
        rows.append(f"{number},{40 + index}.67307692,{50 - index}")
    (folder / "attribute_ratings.csv").write_text("\n".join(rows) + "\n")
    return faces
