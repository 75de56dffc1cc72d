import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.papers.finder.covers import COVERS, Place, cover, sunglasses, surgical_mask
from training.papers.finder.pasting import similarity

FACES = DrawnFaces(1, 128, seed=2)
PLACE = Place(similarity(128, 160, 40, np.array([100.0, 90.0])), 128, FACES.landmarks(0))


def changed_by(draw: object, seed: int = 0) -> np.ndarray:
    scene = np.full((200, 200, 3), 137, np.uint8)
    draw(scene, PLACE, np.random.default_rng(seed))
    return (scene != 137).any(axis=2)


def at(changed: np.ndarray, landmarks: slice) -> np.ndarray:
    points = np.round(PLACE.to_scene(PLACE.landmarks)[landmarks]).astype(int)
    return changed[points[:, 1], points[:, 0]]


def test_a_place_maps_its_picture_into_the_scene() -> None:
    assert PLACE.scale == pytest.approx(160 / 128)
    assert PLACE.to_scene(np.array([[63.5, 63.5]], np.float32))[0] == pytest.approx((100, 90))


@pytest.mark.parametrize("seed", range(4))
def test_a_surgical_mask_hides_mouth_and_tip_of_the_nose_and_no_eye(seed: int) -> None:
    changed = changed_by(surgical_mask, seed)
    assert at(changed, slice(48, 68)).all()
    assert at(changed, slice(31, 36)).all()
    assert not at(changed, slice(36, 48)).any()


@pytest.mark.parametrize("seed", range(4))
def test_sunglasses_hide_the_eyes_and_no_mouth(seed: int) -> None:
    changed = changed_by(sunglasses, seed)
    assert at(changed, slice(36, 48)).mean() > 0.9
    assert not at(changed, slice(48, 68)).any()


def test_every_cover_hides_a_part_of_the_face_and_not_the_scene() -> None:
    for draw in COVERS:
        share = [changed_by(draw, seed).mean() for seed in range(6)]
        assert all(0.0005 < one < 0.4 for one in share), draw


def test_all_of_them_come() -> None:
    looks = {changed_by(cover, seed).tobytes() for seed in range(12)}
    assert len(looks) > 6
