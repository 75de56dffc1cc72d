"""The rooms' own commands, pasted: train, export into a repository that other rooms share, deploy."""

import contextlib
import importlib
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer import Context, Exit
from typer.main import get_command
from typer.testing import CliRunner

from deploy.models import MADE_FROM, make_models, sources, stale_models
from training import export, train
from training.convert import SHIPPED_REPOSITORY

ROOT = Path(__file__).parents[3]
PAPERS = ROOT / "training" / "papers"
MODELS = {
    "dsa": {"dsa_generator"},
    "finder": {"finder"},
    "gfc": {"gfc_generator"},
    "lafin": {"lafin_predictor", "lafin_generator"},
    "parser": {"parser"},
    "reference": {"reference_extractor", "reference_generator"},
    "showface": {"showface_coarse", "showface_refiner"},
}
APPS = {"training.train": train.app, "training.export": export.app}
NOT_HERE = ("--features", "vgg19.pth", "vgg16.pth", "squeezenet1_1.safetensors")  # files that the project does not ship


def test_every_room_is_tried() -> None:
    assert set(MODELS) == {path.parent.name for path in PAPERS.glob("*/README.md")}


def commands(room: str) -> list[list[str]]:
    """The words of the first commands for training and export below the headline Train."""
    text = (PAPERS / room / "README.md").read_text().partition("## Train")[2]
    lines = re.findall(r"^python -m (training\.(?:train|export) .*)$", text, re.M)
    return [shlex.split(line) for line in lines[:2]]


DOCUMENTS = [ROOT / "training" / "README.md", ROOT / "CONTRIBUTING.md", *sorted(PAPERS.glob("*/README.md"))]


def typed(document: Path) -> list[list[str]]:
    """The words of every command of the training package that a document shows."""
    text = document.read_text().replace("\\\n", " ")
    lines = re.findall(r"^(?:\.venv/bin/)?python -m training\.(\w+ .*)$", text, re.M)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_command_that_is_shown_is_one_that_its_program_takes(document: Path) -> None:
    """Names, options and their kinds; nothing is run."""
    for program, *words in typed(document):
        command = get_command(importlib.import_module(f"training.{program}").app)
        if hasattr(command, "resolve_command") and "--help" not in words:
            _, command, words = command.resolve_command(Context(command), words)
        with contextlib.suppress(Exit):  # --help
            command.make_context(program, words)


@pytest.mark.parametrize("room", MODELS)
def test_the_way_from_faces_to_the_service_is_whole(room: str) -> None:
    """Train, look, evaluate, export, serve, in this order, in one block that can be pasted."""
    block = (PAPERS / room / "README.md").read_text().partition("## Train\n\n```\n")[2].partition("```")[0]
    programs = re.findall(r"^(?:python -m training\.)?(train|plot|evaluate|export|make serve)\b", block, re.M)
    assert block.startswith(". .venv/bin/activate\n")
    assert programs == ["train", "plot", "evaluate", "export", "make serve"]


@pytest.fixture
def repository(tiny_repository: Path, tmp_path: Path) -> Path:
    """The models of all rooms, exported before."""
    repository = Path(shutil.copytree(tiny_repository, tmp_path / "repository"))
    (repository / "finder").mkdir(exist_ok=True)
    shutil.copy(SHIPPED_REPOSITORY / "finder" / "config.pbtxt", repository / "finder")
    (repository / "finder" / "snapshot.safetensors").write_bytes(b"weights")
    for snapshot in repository.glob("*/snapshot.safetensors"):
        script = snapshot.parent / "1" / "model.pt"
        script.parent.mkdir(exist_ok=True)
        script.write_bytes(b"a script")
        (script.parent / MADE_FROM).write_text(json.dumps(sources(snapshot.parent)))
    return repository


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("room", MODELS)
def test_the_commands_of_a_room_change_its_models_alone(
    room: str, repository: Path, drawn_folder: Path, scenes_folder: Path, people_folder: Path, tmp_path: Path
) -> None:
    before = contents(repository)
    places = {
        "FOLDER": str(drawn_folder),
        "FACES": str(drawn_folder),
        "SCENES": str(scenes_folder),
        "PEOPLE": str(people_folder),
        "model_repository": str(repository),
        "model_repository/parser/snapshot.safetensors": str(repository / "parser" / "snapshot.safetensors"),
        f"runs/{room}": str(tmp_path / "runs" / room),
    }
    for program, first, *words in commands(room):
        given = [first, *(places.get(word, word) for word in words if word not in NOT_HERE)]
        if program == "training.train":
            given = [f"{first}_tiny", *given[1:], "--accelerator", "cpu", "--threads", "1", "--precision", "32-true"]
        done = CliRunner().invoke(APPS[program], given)
        assert done.exit_code == 0, (given, done.output, done.exception)
    after = contents(repository)
    assert {name.partition("/")[0] for name in after if before.get(name) != after[name]} == MODELS[room]
    for model in MODELS[room]:
        assert after[f"{model}/snapshot.safetensors"] != before[f"{model}/snapshot.safetensors"]
    assert stale_models(repository) == []
    make_models(repository)
    assert contents(repository) == after
