from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from service.imaging.faces import FaceBox
from service.imaging.geometry import FrameTransform, roll_degrees
from service.imaging.holes import Region, bounds
from service.imaging.looks import boxes, distinct, enough, look, windows
from tests.fakes.engine import mean_shape

FRAME = 64


def plane(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    hole = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in boxes:
        hole[y0:y1, x0:x1] = 1
    return hole


def test_a_small_picture_is_seen_once() -> None:
    assert windows((100, 80), bounds(plane(100, 80)), FRAME) == [Region(0, 0, 80, 100)]


def test_a_large_picture_is_also_seen_in_overlapping_tiles() -> None:
    whole, *tiles = windows((200, 300), bounds(plane(200, 300)), FRAME)
    assert whole == Region(0, 0, 300, 200)
    seen = np.zeros((200, 300), np.uint8)
    for tile in tiles:
        seen[tile.slices] += 1
    assert len(tiles) == 4
    assert seen.min() >= 1
    assert seen[100, 150] == 4


def test_of_a_large_picture_with_a_hole_the_surroundings_of_the_hole_are_seen_nearer() -> None:
    found = windows((200, 300), bounds(plane(200, 300, (100, 50, 120, 90))), FRAME)
    assert found == [Region(0, 0, 300, 200), Region(60, 10, 160, 130)]
    assert len(windows((200, 300), bounds(plane(200, 300, (10, 10, 290, 190))), FRAME)) == 1


def test_a_hole_in_the_frame_of_a_large_and_sure_face_needs_no_nearer_look() -> None:
    face = FaceBox(400, 300, 600, 500, 0.9)
    frame = FrameTransform.from_box(face)
    (left, top), (right, bottom) = frame.to_canvas(np.array([[0.0, 0], [255, 255]])).round().astype(int)
    inside, beyond = (left + 5, top + 5, right - 5, bottom - 5), (left + 5, top + 5, right + 9, bottom - 5)
    size, within = (1000, 900), bounds(plane(1000, 900, inside))
    assert enough([face], size, within)
    assert not enough([face], size, bounds(plane(1000, 900, beyond)))
    assert not enough([face], (3000, 900), within), "small in the picture"
    assert not enough([replace(face, score=0.7)], size, within)
    assert not enough([replace(face, roll_degrees=45)], size, within), "the frame's corners lie elsewhere"
    assert not enough([face], size, bounds(plane(1000, 900))), "without a hole every face counts"
    assert not enough([], size, within)


def test_a_window_lies_at_the_corner_of_the_frame_and_the_rest_is_hole() -> None:
    rgb = np.full((100, 50, 3), 200, np.uint8)
    seen = look(rgb, plane(100, 50), Region(0, 0, 50, 100), FRAME)
    assert seen.scale == pytest.approx(0.64)
    assert (seen.image[:, :32] == 200).all()
    assert (seen.hole[:, :32] == 0).all()
    assert (seen.hole[:, 32:] == 1).all()


def test_a_large_picture_is_seen_by_its_means_and_no_missing_pixel_is_overlooked() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (1280, 1280, 3), dtype=np.uint8)
    whole = Region(0, 0, 1280, 1280)
    means = rgb.reshape(64, 20, 64, 20, 3).mean(axis=(1, 3))
    seen = look(rgb, plane(1280, 1280), whole, FRAME).image
    assert np.abs(seen - means).mean() < 4.5, "of 400 values of 0 to 255 more than a fourth are read"
    for row in range(600, 640):
        assert look(rgb, plane(1280, 1280, (700, row, 701, row + 1)), whole, FRAME).hole.sum() in (1, 2, 4)


@pytest.mark.parametrize(("height", "width"), [(763, 1021), (1021, 763), (511, 256), (2, 5000), (5000, 3), (40, 90)])
def test_no_pixel_of_a_hole_comes_into_what_is_known(height: int, width: int) -> None:
    rng = np.random.default_rng(height)
    hole = (cv2.blur(rng.random((height, width), np.float32), (9, 9)) > 0.52).astype(np.uint8)
    rgb = np.repeat(255 * hole[..., None], 3, axis=2)
    seen = look(rgb, hole, Region(0, 0, width, height), FRAME)
    known = seen.hole == 0
    assert (seen.image[known] == 0).all()
    assert seen.image[~known].any()
    tall, wide = round(seen.window.height * seen.scale), round(seen.window.width * seen.scale)
    assert (seen.hole[max(tall, 1) :] == 1).all()
    assert (seen.hole[:, max(wide, 1) :] == 1).all()
    assert seen.window.width > width - 8
    assert seen.window.height > height - 8


def test_one_missing_pixel_makes_the_frame_pixel_over_it_missing() -> None:
    seen = look(np.zeros((640, 640, 3), np.uint8), plane(640, 640, (105, 205, 106, 206)), Region(0, 0, 640, 640), FRAME)
    assert np.argwhere(seen.hole).tolist() == [[20, 10]]


@pytest.mark.parametrize("degrees", [0, 30, -90, 179])
def test_a_find_gives_the_frame_of_its_points(degrees: float) -> None:
    """The frame that FFHQ lays around the face, wherever the window lies and however it was scaled."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    face = (mean_shape() - 128) @ turn.T * 0.5 + (300, 250)
    true = FrameTransform.from_landmarks(face)
    window = Region(120, 60, 520, 460)
    seen = look(np.zeros((600, 700, 3), np.uint8), plane(600, 700), window, 640)
    eyes = [face[36:42].mean(axis=0), face[42:48].mean(axis=0)]
    five = (np.array([*eyes, face[30], face[48], face[54]]) + 0.5 - (120, 60)) * seen.scale - 0.5
    centre = (five[:2].mean(axis=0) + five[3:].mean(axis=0)) / 2
    size = true.side_pixels * seen.scale / 2
    row = np.array([0.8, *centre, size, np.sin(angle), np.cos(angle), *five.ravel()], np.float32)
    (box,) = boxes(seen, np.stack([row, np.zeros(16, np.float32)]), 0.35, 0.35)
    assert box.score == pytest.approx(0.8)
    assert box.roll_degrees == pytest.approx(degrees, abs=0.01)
    assert FrameTransform.from_box(box).matrix == pytest.approx(true.matrix, abs=0.4)
    assert roll_degrees(face) == pytest.approx(degrees, abs=2)


def test_finds_of_one_face_are_one_and_neighbours_stay() -> None:
    faces = [
        FaceBox(0, 0, 100, 100, 0.6),
        FaceBox(20, 10, 120, 110, 0.9),
        FaceBox(100, 0, 200, 100, 0.5),
    ]
    assert distinct(faces) == [faces[1], faces[2]]


def test_what_scores_less_is_no_face() -> None:
    seen = look(np.zeros((64, 64, 3), np.uint8), plane(64, 64), Region(0, 0, 64, 64), FRAME)
    row = np.array([0.5, 32, 32, 14, 0, 1, *[32] * 10], np.float32)
    assert len(boxes(seen, row[None], 0.5, 0.5)) == 1
    assert boxes(seen, row[None], 0.4, 0.51) == []


@pytest.mark.parametrize(
    ("hole", "centre", "least"),
    [
        ((0, 0, 0, 0), (32, 32), 0.5),
        ((39, 32, 40, 33), (32, 32), 0.4),  # one pixel of its square is missing
        ((40, 32, 41, 33), (32, 32), 0.5),  # the next one beside it
        ((25, 39, 26, 40), (32, 32), 0.4),
        ((0, 0, 0, 0), (5, 32), 0.4),  # it reaches over the border
        ((0, 0, 0, 0), (32, 60), 0.4),
    ],
)
def test_what_is_all_there_must_score_more(
    hole: tuple[int, int, int, int], centre: tuple[int, int], least: float
) -> None:
    seen = look(np.zeros((64, 64, 3), np.uint8), plane(64, 64, hole), Region(0, 0, 64, 64), 64)
    row = np.array([least, *centre, 14, 0, 1, *[32] * 10], np.float32)
    assert len(boxes(seen, row[None], 0.4, 0.5)) == 1
    row[0] -= 0.01
    assert boxes(seen, row[None], 0.4, 0.5) == []
