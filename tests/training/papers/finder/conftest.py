"""Faces among the pictures that scenes are made of."""

from pathlib import Path

import pytest

from tests.training.pictures import PEOPLE
from training.papers.finder.sources import SceneFaces


@pytest.fixture(scope="session")
def scene_faces(scenes_folder: Path, people_folder: Path) -> SceneFaces:
    return SceneFaces(PEOPLE, scenes_folder, people_folder)
