"""On NASA's portrait, the sample of the web page; on what is made of it; and on pictures without a face."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import service
from service.imaging.faces import FaceBox, detect_faces

SAMPLES = Path(service.__path__[0]) / "web" / "samples"
PORTRAIT = np.asarray(Image.open(SAMPLES / "astronaut.jpg"))
MASK = (np.asarray(Image.open(SAMPLES / "astronaut_mask.png")) > 127).astype(np.uint8)
NOSE = (223, 125)


def holds(face: FaceBox, point: tuple[float, float]) -> bool:
    return face.x0 < point[0] < face.x1 and face.y0 < point[1] < face.y1


def painted_over(hole: np.ndarray, level: int) -> np.ndarray:
    rgb = PORTRAIT.copy()
    rgb[hole > 0] = level
    return rgb


def hole_at(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    hole = np.zeros((512, 512), np.uint8)
    hole[y0:y1, x0:x1] = 1
    return hole


def test_one_face_where_it_is() -> None:
    (face,) = detect_faces(PORTRAIT)
    assert holds(face, NOSE)
    assert 80 < face.x1 - face.x0 < 130
    assert face.x1 - face.x0 == pytest.approx(face.y1 - face.y0)


@pytest.mark.parametrize("level", [0, 127, 255])
@pytest.mark.parametrize(
    "hole",
    [MASK, hole_at(185, 90, 220, 115), hole_at(190, 132, 255, 165), hole_at(180, 92, 265, 114)],
    ids=["sample mask", "one eye", "mouth", "both eyes"],
)
def test_a_face_partly_under_paint(hole: np.ndarray, level: int) -> None:
    faces = detect_faces(painted_over(hole, level), hole)
    assert [face for face in faces if holds(face, NOSE)], faces
    assert len(faces) == 1


def test_a_small_face_in_a_large_picture_is_found_by_the_finer_look() -> None:
    rows, columns = np.mgrid[:2000, :3000]
    scene = np.stack((columns // 20, rows // 16, (rows + columns) // 30), axis=-1).astype(np.uint8)
    scene[400:912, 2000:2512] = PORTRAIT
    (face,) = detect_faces(scene)
    assert holds(face, (2000 + NOSE[0], 400 + NOSE[1]))


def test_several_faces_each_once_largest_first() -> None:
    small = cv2.resize(PORTRAIT, (320, 320), interpolation=cv2.INTER_AREA)
    scene = np.full((512, 1160, 3), 128, np.uint8)
    scene[:, :512] = PORTRAIT
    scene[:320, 512:832] = small
    scene[100:420, 840:] = small[:, ::-1]
    faces = detect_faces(scene)
    assert len(faces) == 3
    assert holds(faces[0], NOSE)
    widths = [face.x1 - face.x0 for face in faces]
    assert widths == sorted(widths, reverse=True)


def test_a_hidden_face_beside_a_plain_one() -> None:
    near, near_mask = PORTRAIT[:256, 90:350], MASK[:256, 90:350]
    scene = np.concatenate((near, near[:, ::-1]), axis=1)
    hole = np.concatenate((near_mask, np.zeros_like(near_mask)), axis=1)
    scene[hole > 0] = 255
    faces = sorted(detect_faces(scene, hole), key=lambda face: face.x0)
    assert len(faces) == 2
    assert holds(faces[0], (NOSE[0] - 90, NOSE[1]))
    assert holds(faces[1], (520 - (NOSE[0] - 90), NOSE[1]))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_nothing_in_an_empty_picture(level: int) -> None:
    rgb = np.full((300, 400, 3), level, np.uint8)
    assert detect_faces(rgb) == []
    assert detect_faces(rgb, hole_at(10, 10, 200, 200)[:300, :400]) == []


def test_no_face_on_the_space_suit() -> None:
    assert detect_faces(PORTRAIT[250:]) == []


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (1, 400), (20, 3000), (23, 23)])
def test_tiny_and_narrow_pictures(size: tuple[int, int]) -> None:
    rgb = np.zeros((*size, 3), np.uint8)
    hole = np.zeros(size, np.uint8)
    hole[0, 0] = 1
    assert detect_faces(rgb) == []
    assert detect_faces(rgb, hole) == []


def test_threads_agree() -> None:
    """Every thread has its own classifier: the answers are those of one thread alone."""
    pictures = [np.ascontiguousarray(np.roll(PORTRAIT, shift, axis=1)) for shift in range(0, 60, 20)]
    alone = [detect_faces(picture, MASK) for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda index: detect_faces(pictures[index % 3], MASK), range(18)))
    assert all(found == alone[index % 3] for index, found in enumerate(together))
