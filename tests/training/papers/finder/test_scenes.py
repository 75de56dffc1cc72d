import numpy as np
import pytest

from training.papers.finder.points import centre_of, degrees_of, size_of
from training.papers.finder.scenes import LABEL_NUMBERS, MOST_LABELS, Composer
from training.papers.finder.sources import SceneFaces


@pytest.fixture
def composer(scene_faces: SceneFaces) -> Composer:
    return Composer(scene_faces.heads, scene_faces.backdrops, scene_faces.people, 128)


def scenes(composer: Composer, count: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [composer.compose(np.random.default_rng(seed)) for seed in range(count)]


def test_a_scene_is_a_picture_a_hole_and_labels(composer: Composer) -> None:
    for picture, hole, labels in scenes(composer, 20):
        assert picture.shape == (128, 128, 3)
        assert picture.dtype == np.uint8
        assert set(np.unique(hole)) <= {0, 1}
        assert labels.shape == (MOST_LABELS, LABEL_NUMBERS)
        assert set(labels[:, -1]) <= {-1, 0, 1}


def test_the_same_chance_makes_the_same_scene(composer: Composer) -> None:
    one, other = (composer.compose(np.random.default_rng(9)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_scenes_have_none_one_and_several_faces_hidden_and_not_of_all_rolls_and_sizes(composer: Composer) -> None:
    made = scenes(composer, 200)
    counts = [int((labels[:, -1] == 1).sum()) for _, _, labels in made]
    assert min(counts) == 0
    assert max(counts) >= 3
    faces = [row[:-1].reshape(5, 2) for _, _, labels in made for row in labels if row[-1] == 1]
    rolls = np.array([degrees_of(points) for points in faces])
    sizes = np.array([float(size_of(points)) for points in faces])
    assert (np.abs(rolls) < 20).mean() > 0.3
    assert all(((rolls > low) & (rolls < low + 60)).any() for low in range(-180, 180, 60))
    assert sizes.min() < 30
    assert sizes.max() > 90
    hidden = [np.mean(hole) for _, hole, _ in made]
    assert min(hidden) == 0
    assert max(hidden) > 0.5


def test_a_bare_scene_has_a_hole_and_no_face(composer: Composer) -> None:
    made = [composer.bare(np.random.default_rng(seed)) for seed in range(40)]
    assert all(not scene.points and not composer.labels(scene).any() for scene in made)
    assert np.mean([bool(scene.hole.any()) for scene in made]) > 0.8
    assert any(composer.compose(np.random.default_rng(seed))[2][:, -1].any() for seed in range(10))


def test_scenes_and_photographs_of_people_have_holes_where_no_face_is(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(composer, "hide_no_face", lambda scene, rng: made.append(len(scene.places)))
    for seed in range(200):
        composer.compose(np.random.default_rng(seed))
    assert made.count(0) > 20, "bare scenes"
    assert any(made), "photographs of people"


def test_a_hole_where_no_face_is_lies_away_from_those_that_are_there(composer: Composer) -> None:
    for seed in range(30):
        scene = composer.empty(np.zeros((128, 128, 3), np.uint8))
        composer.paste_one(scene, 30.0, 0.0, np.array([40.0, 40.0]), np.random.default_rng(seed))
        composer.hide_no_face(scene, np.random.default_rng(seed))
        x, y = np.rint(centre_of(scene.points[0])).astype(int)
        assert scene.hole[y - 2 : y + 3, x - 2 : x + 3].mean() < 1


def test_labels_point_at_faces_as_they_stand_in_the_picture(composer: Composer) -> None:
    """A face pasted at a known place: its drawn skin lies under its label's points."""
    scene = composer.empty(np.zeros((128, 128, 3), np.uint8))
    composer.paste_one(scene, 60.0, 35.0, np.array([64.0, 60.0]), np.random.default_rng(0))
    labels = composer.labels(scene)
    points = labels[0, :-1].reshape(5, 2)
    assert labels[0, -1] == 1
    assert degrees_of(points) == pytest.approx(35, abs=8)
    assert float(size_of(points)) == pytest.approx(60, rel=0.35)
    seen = scene.picture[np.round(points[:, 1]).astype(int), np.round(points[:, 0]).astype(int)]
    assert (seen.max(axis=1) > 20).all()


def test_what_can_hardly_be_seen_is_uncertain_and_what_cannot_is_nothing(composer: Composer) -> None:
    scene = composer.empty(np.zeros((128, 128, 3), np.uint8))
    composer.paste_one(scene, 60.0, 0.0, np.array([64.0, 64.0]), np.random.default_rng(0))
    x = float(centre_of(scene.points[0])[0])
    kinds = []
    for left in (128, int(x), int(x) - 35, 0):  # nothing, half, nearly all, everything is missing
        scene.hole[:] = 0
        scene.hole[:, left:] = 1
        kinds.append(float(composer.labels(scene)[0, -1]))
    assert kinds == [1, 1, -1, 0]
    scene.sure[0] = False
    scene.hole[:] = 0
    assert composer.labels(scene)[0, -1] == -1


def test_a_face_under_a_later_one_is_uncertain(composer: Composer) -> None:
    scene = composer.empty(np.zeros((128, 128, 3), np.uint8))
    composer.paste_one(scene, 40.0, 0.0, np.array([64.0, 64.0]), np.random.default_rng(0))
    assert composer.labels(scene)[0, -1] == 1
    composer.paste_one(scene, 40.0, 0.0, np.array([80.0, 64.0]), np.random.default_rng(1))
    assert composer.labels(scene)[:2, -1].tolist() == [-1, 1]


def test_photographs_bring_their_marks_along(composer: Composer) -> None:
    for seed in range(12):
        scene = composer.with_people(np.random.default_rng(seed))
        assert len(scene.points) == 2
        assert scene.hole.any() or scene.picture.any()
        across, mouth = (scene.points[0][[1, 4]] - scene.points[0][[0, 3]]).astype(float)
        assert across @ mouth > 0  # eyes and mouth keep their order, mirrored or not
        borrowed = scene.places[0].to_scene(scene.places[0].landmarks)
        assert np.hypot(*(borrowed.mean(axis=0) - scene.points[0].mean(axis=0))) < float(size_of(scene.points[0]))


def test_a_portrait_has_no_edge(composer: Composer) -> None:
    scene = composer.portrait(np.random.default_rng(3))
    assert len(scene.points) == 1
    assert scene.picture.reshape(-1, 3).any(axis=1).mean() > 0.9


def test_without_photographs_there_are_none(scene_faces: SceneFaces) -> None:
    composer = Composer(scene_faces.heads, scene_faces.backdrops, None, 128)
    assert len(scenes(composer, 10)) == 10
    with pytest.raises(AssertionError):
        composer.with_people(np.random.default_rng(0))
