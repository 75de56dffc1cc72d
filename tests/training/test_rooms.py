"""A paper has one name in three places: its room, its pipeline, its models; the parser has no pipeline."""

from pathlib import Path

from training.papers import DEPLOYED, RECIPES, room_of

ROOT = Path(__file__).parents[2]
WITHOUT_PIPELINE = {"parser"}  # it completes nothing; it is served on its own, by POST /parsing
FILES = {"README.md", "__init__.py", "networks.py", "losses.py", "step.py", "recipe.py", "serving.py"}


def rooms() -> set[str]:
    return {path.name for path in (ROOT / "training" / "papers").iterdir() if (path / "networks.py").is_file()}


def test_every_room_has_the_same_files() -> None:
    for room in rooms():
        found = {path.name for path in (ROOT / "training" / "papers" / room).iterdir() if path.is_file()}
        assert found >= FILES, room


def test_every_room_has_its_recipes() -> None:
    for room in rooms():
        assert {room, f"{room}_demo", f"{room}_tiny"} <= set(RECIPES)


def test_rooms_pipelines_and_models_have_one_name() -> None:
    pipelines = {path.stem for path in (ROOT / "service" / "pipelines").glob("*.py")} - {"__init__", "protocol"}
    models = {path.name for path in (ROOT / "model_repository").iterdir() if (path / "config.pbtxt").is_file()}
    assert pipelines == rooms() - WITHOUT_PIPELINE
    assert {model.split("_")[0] for model in models} == rooms()
    assert set(DEPLOYED) <= models


def test_names_of_recipes_and_models_begin_with_their_room() -> None:
    for name, recipe in RECIPES.items():
        assert recipe.__module__ == f"training.papers.{room_of(name)}.recipe"
    for name, deployed in DEPLOYED.items():
        assert deployed.load.__module__ == f"training.papers.{room_of(name)}.serving"
