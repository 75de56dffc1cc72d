import numpy as np
import pytest
import torch

from training.data.drawn import DrawnFaces
from training.papers.finder import measuring
from training.papers.finder.finding import NUMBERS
from training.papers.finder.measuring import Count, Trial, compose_trial, framed, is_face
from training.papers.finder.networks import Finder
from training.papers.finder.points import centre_of, degrees_of, size_of
from training.papers.finder.scenes import Composer
from training.papers.finder.serving import ServedMaps
from training.papers.finder.sources import SceneFaces

POINTS = np.array([[40, 50], [80, 50], [60, 70], [45, 90], [75, 90]], np.float32)  # centre (60, 70), size 80
NONE = POINTS[None][:0]


def find_of(x: float, y: float, size: float) -> np.ndarray:
    face = np.zeros(16, np.float32)
    face[:4] = 1, x, y, size
    return face


@pytest.fixture
def composer(scene_faces: SceneFaces) -> Composer:
    return Composer(scene_faces.heads, scene_faces.backdrops, scene_faces.people, 640)


def test_a_find_is_a_face_by_centre_and_size() -> None:
    assert is_face(find_of(70, 60, 90), POINTS)
    assert not is_face(find_of(90, 70, 80), POINTS)
    assert not is_face(find_of(60, 70, 130), POINTS)
    assert not is_face(find_of(60, 70, 50), POINTS)


def test_counts_tell_found_missed_false_and_uncertain_apart() -> None:
    count = Count()
    far = POINTS + 300
    count.add(np.stack((find_of(60, 70, 80), find_of(360, 370, 80), find_of(500, 50, 80))), POINTS[None], far[None])
    assert (count.there, count.found, count.false, count.pictures) == (1, 1, 1, 1)
    count.add(np.stack((find_of(60, 70, 300),)), POINTS[None], NONE)
    assert (count.there, count.found, count.false) == (2, 1, 1)  # a find of the wrong size is a miss and no second face
    assert count.recall == 0.5
    assert count.false_of_100_pictures == 50


def test_a_face_is_found_once() -> None:
    count = Count()
    count.add(np.stack((find_of(60, 70, 80),) * 2), np.stack((POINTS, POINTS)), NONE)
    assert (count.there, count.found) == (2, 2)
    count = Count()
    count.add(np.stack((find_of(60, 70, 80),)), np.stack((POINTS, POINTS)), NONE)
    assert (count.there, count.found) == (2, 1)


def test_a_trial_has_its_roll_its_size_and_its_hole(composer: Composer) -> None:
    trial = Trial("some", "inner face", roll_degrees=(90, 120), size_pixels=(40, 80))
    for seed in range(5):
        scene = compose_trial(composer, trial, np.random.default_rng(seed))
        points = scene.points[0]
        assert 80 < abs(degrees_of(points)) < 130
        assert 25 < float(size_of(points)) < 110
        x, y = np.round(centre_of(points)).astype(int)
        assert scene.hole[y, x] == 1
        assert ((points > 0) & (points < 640)).all()


def test_one_who_always_knows_is_always_right(composer: Composer) -> None:
    trial, known = Trial("some"), []
    for place in range(3):
        points = compose_trial(composer, trial, np.random.default_rng([measuring.SEED, place])).points[0]
        known.append(find_of(*centre_of(points), float(size_of(points)))[None])
    answers = iter(known)
    count = measuring.measure_trial(lambda picture, hole: next(answers), composer, trial, 3)
    assert (count.recall, count.false, count.pictures) == (1, 0, 3)
    blind = measuring.measure_trial(lambda picture, hole: known[0][:0], composer, trial, 3)
    assert (blind.recall, blind.false) == (0, 0)


def test_a_photograph_goes_whole_into_the_upper_left_corner() -> None:
    picture = np.full((100, 50, 3), 77, np.uint8)
    frame, hole, scale = framed(picture)
    assert scale == 6.4
    assert frame[639, 319].tolist() == [77, 77, 77]
    assert (hole[:, :320] == 0).all()
    assert (hole[:, 320:] == 1).all()


def test_every_row_of_the_table_is_measured(composer: Composer, scene_faces: SceneFaces) -> None:
    torch.manual_seed(0)
    finder = ServedMaps(Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1)).eval())
    rows = dict(measuring.measure(measuring.finding(finder), composer, scene_faces.people, 1))
    assert [row for row in rows if row.startswith("roll")] == [f"roll {low} to {low + 30}" for low in range(0, 180, 30)]
    assert rows["eyes hidden"].pictures == 1
    assert rows["photographs, eyes hidden"].there == 3
    assert rows["portraits, middle hidden"].there == rows["portraits at half the size, middle hidden"].there == 1
    bare = [row for name, row in rows.items() if name.startswith("no face")]
    assert [(row.pictures, row.there) for row in bare] == 3 * [(len(scene_faces.backdrops), 0)]


def test_a_decoy_is_a_hole_like_a_faces_inside_the_picture(composer: Composer, scene_faces: SceneFaces) -> None:
    seen: list[np.ndarray] = []

    def find(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        seen.append(hole - framed(scene_faces.backdrops.image(len(seen)))[1])
        return np.zeros((0, NUMBERS), np.float32)

    count = measuring.measure_backdrops(find, composer.backdrops, measuring.hide_like_a_face(composer.heads))
    assert count.pictures == len(scene_faces.backdrops) == len(seen)
    assert all(0.005 < decoy.mean() < 0.4 for decoy in seen)


def test_a_low_score_is_no_find() -> None:
    torch.manual_seed(0)
    finder = ServedMaps(Finder((4, 4, 8, 8, 8, 8), (1, 1, 1, 1)).eval())
    frame, hole, _ = framed(np.full((64, 64, 3), 77, np.uint8))
    assert len(measuring.finding(finder, 0.5)(frame, hole)) == 0
    assert len(measuring.finding(finder, 0.0, 0.0)(frame, hole)) == 64  # rows of zeros too


def test_a_face_that_is_all_there_must_score_more() -> None:
    faces = torch.zeros(1, 3, NUMBERS)
    faces[0, :, :4] = torch.tensor([[0.47, 30, 30, 20], [0.47, 50, 30, 20], [0.47, 5, 30, 20]])
    hole = np.zeros((64, 64), np.uint8)
    hole[30, 59] = 1

    class Same(torch.nn.Module):
        def forward(self, image: torch.Tensor, missing: torch.Tensor) -> torch.Tensor:
            return faces

    picture = np.zeros((64, 64, 3), np.uint8)
    found = measuring.finding(Same(), 0.45, 0.5)(picture, hole)
    assert found[:, 1].tolist() == [50, 5]  # one lies upon the hole, one reaches beyond the picture
    assert len(measuring.finding(Same(), 0.48, 0.5)(picture, hole)) == 0


@pytest.mark.parametrize("filled", [1.0, 0.5])
def test_a_portrait_is_seen_with_its_middle_erased(filled: float) -> None:
    seen = []

    def find(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        seen.append((picture, hole))
        return np.zeros((0, 16), np.float32)

    count = measuring.measure_portraits(find, DrawnFaces(3, 64), 2, filled)
    assert (count.there, count.found, count.pictures) == (2, 0, 2)
    picture, hole = seen[0]
    side = round(filled * measuring.FRAME_PIXELS)
    middle = slice(round(0.45 * side), round(0.55 * side))
    assert hole[middle, middle].all()
    assert not picture[middle, middle].any()
    assert not hole[: side // 10, : side // 10].any()
    assert hole[side:].all()
    assert hole[:, side:].all()
