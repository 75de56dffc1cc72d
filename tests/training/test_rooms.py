"""What every room has: its files, its recipes, its deployed models and systems."""

from pathlib import Path

from training.papers import DEPLOYED, RECIPES, SYSTEMS, room_of

ROOT = Path(__file__).parents[2]
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


def test_names_of_recipes_models_and_systems_begin_with_their_room() -> None:
    """That a room has one name with its pipeline and its models is a rule of the house, tested there."""
    for name, recipe in RECIPES.items():
        assert recipe.__module__ == f"training.papers.{room_of(name)}.recipe"
    for name, deployed in DEPLOYED.items():
        assert deployed.load.__module__ == f"training.papers.{room_of(name)}.serving"
        assert (ROOT / "model_repository" / name / "config.pbtxt").is_file()
    for name, build in SYSTEMS.items():
        assert build.__module__ == f"training.papers.{room_of(name)}.serving"
    assert {room_of(name) for name in DEPLOYED} == rooms()
    assert {room_of(name) for name in SYSTEMS} == rooms() - {"finder"}  # it says where faces are, and paints none
