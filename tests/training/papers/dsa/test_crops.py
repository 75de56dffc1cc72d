from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from training.data.drawn import DrawnFaces
from training.data.landmarks import LEFT_EYE, MOUTH, NOSE, RIGHT_EYE
from training.papers.dsa.crops import ORGANS, SEVEN, boxes, cut, local_boxes, organ_boxes, quarters, shown


@functools.cache
def drawn_landmarks(pixels: int = 256) -> Tensor:
    """Of four faces, drawn at 256 px: at 1024 px a face takes seconds."""
    faces = DrawnFaces(4, 256)
    return torch.stack([torch.from_numpy(faces.landmarks(index)) for index in range(4)]) * pixels / 256


def box_hole(pixels: int, top: int, bottom: int, left: int, right: int) -> Tensor:
    hole = torch.zeros(1, 1, pixels, pixels)
    hole[:, :, top:bottom, left:right] = 1
    return hole


@pytest.mark.parametrize("pixels", [128, 256, 1024])
@pytest.mark.parametrize(
    ("name", "points"), [("left_eye", LEFT_EYE), ("right_eye", RIGHT_EYE), ("nose", NOSE), ("mouth", MOUTH)]
)
def test_an_organs_box_has_a_fixed_size_and_holds_its_landmarks(
    name: str, points: tuple[int, ...], pixels: int
) -> None:
    landmarks = drawn_landmarks(pixels)
    _, height, width = ORGANS[name]
    found = organ_boxes(name, landmarks, pixels)
    assert (found[:, 2:] - found[:, :2]).tolist() == [[height * pixels // 256, width * pixels // 256]] * 4
    own = landmarks[:, list(points)].flip(2)  # (y, x)
    assert (own >= found[:, None, :2]).all()
    assert (own <= found[:, None, 2:]).all()


def test_boxes_stay_inside_the_frame() -> None:
    found = boxes(torch.tensor([[2.0, 250.0], [128.0, 128.0], [-90.0, 400.0]]), 48, 64, 256)
    assert found.tolist() == [[0, 192, 48, 256], [104, 96, 152, 160], [0, 192, 48, 256]]


@pytest.mark.parametrize(
    ("hole", "central", "expected"),
    [
        ((60, 160, 30, 150), False, [46, 26, 174, 154]),  # around the hole's middle
        ((0, 94, 200, 256), False, [0, 128, 128, 256]),  # moved inside
        ((60, 160, 30, 150), True, [64, 64, 192, 192]),  # appendix D: the middle 128 px
        ((0, 0, 0, 0), False, [64, 64, 192, 192]),  # nothing is missing
    ],
)
def test_the_local_box_is_128_pixels_around_the_hole(
    hole: tuple[int, int, int, int], central: bool, expected: list[int]
) -> None:
    assert local_boxes(box_hole(256, *hole), central=central).tolist() == [expected]
    large = local_boxes(box_hole(1024, *(4 * edge for edge in hole)), central=central)
    assert large.tolist() == [[4 * edge for edge in expected]]


def test_the_largest_box_fits_and_a_crop_is_what_lies_in_it() -> None:
    image = torch.arange(2.0 * 256 * 256).reshape(2, 1, 256, 256)
    found = cut(image, torch.tensor([[0, 0, 48, 64], [100, 7, 148, 71]]))
    assert found.shape == (2, 1, 48, 64)
    assert torch.equal(found[1, 0], image[1, 0, 100:148, 7:71])


def test_quarters_are_four_equal_parts_without_overlap() -> None:
    image = torch.rand(2, 3, 8, 12)
    found = quarters(image)
    assert found.shape == (8, 3, 4, 6)
    for place, (rows, columns) in enumerate([(0, 0), (0, 6), (4, 0), (4, 6)]):
        assert torch.equal(found[place], image[0, :, rows : rows + 4, columns : columns + 6])
        assert torch.equal(found[4 + place], image[1, :, rows : rows + 4, columns : columns + 6])


def test_what_each_discriminator_sees_at_256_pixels() -> None:
    image, hole = torch.rand(4, 3, 256, 256), torch.cat([box_hole(256, 60, 160, 30, 150)] * 4)
    sizes = {name: tuple(shown(name, image, hole, drawn_landmarks(), central=False).shape) for name in SEVEN}
    assert sizes == {
        "global": (4, 3, 256, 256),
        "local": (4, 3, 128, 128),
        "quarters": (16, 3, 64, 64),
        "left_eye": (4, 3, 48, 64),
        "right_eye": (4, 3, 48, 64),
        "nose": (4, 3, 64, 64),
        "mouth": (4, 3, 48, 80),
    }
