import pytest
import torch

from training.data.drawn import DrawnFaces
from training.data.stream import collate
from training.papers.finder.recipe import finder_tiny
from training.papers.finder.rows import scene_row
from training.papers.finder.sources import SceneFaces
from training.recipe import RecipeError

PART = finder_tiny().part("finder")


def test_an_item_follows_from_seed_and_position(scene_faces: SceneFaces) -> None:
    row, again = (scene_row(scene_faces, PART, PART.stages[0]) for _ in range(2))
    row[3]
    assert all(torch.equal(value, again[5][key]) for key, value in row[5].items())
    assert not torch.equal(row[5]["image"], row[6]["image"])
    assert row[5]["image"].shape == (3, PART.stages[0].pixels, PART.stages[0].pixels)


def test_items_make_a_batch(scene_faces: SceneFaces) -> None:
    row = scene_row(scene_faces, PART, PART.stages[1])
    batch = collate([row[0], row[1]])
    assert batch.labels is not None
    assert batch.labels.shape == (2, 12, 11)
    assert batch.hole.shape == (2, 1, 192, 192)
    assert batch.position.tolist() == [0, 1]


def test_without_face_free_pictures_the_option_is_named() -> None:
    with pytest.raises(RecipeError, match="--scenes"):
        scene_row(DrawnFaces(2, 64), PART, PART.stages[0])
