"""The one line that ends a program, and the family of errors that it is for."""

from __future__ import annotations

import ast
import errno
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import training
from training.errors import TrainingError, one_line

MODULES = [module.name for module in pkgutil.walk_packages(training.__path__, "training.")]
ENTRIES = sorted(file.stem for file in Path(training.__path__[0]).glob("*.py") if "app = Program(" in file.read_text())


def said(error: BaseException, capsys: pytest.CaptureFixture[str]) -> str:
    """What a program says that ends with this error, as its last words."""
    with pytest.raises(SystemExit) as ending, one_line("training.some"):
        raise error
    assert ending.value.code
    return ending.value.code if isinstance(ending.value.code, str) else capsys.readouterr().err.strip()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TrainingError("the moon is no recipe"), "training.some: the moon is no recipe"),
        (TrainingError("two things:\n  first\n\n  second\n"), "training.some: two things:; first; second"),
        (OSError(errno.ENOSPC, "No space left on device", "a/b.pt"), "training.some: a/b.pt: the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "training.some: a: Permission denied"),
        (OSError("a strange device"), "training.some: a strange device"),
        (torch.OutOfMemoryError("CUDA"), "training.some: there is too little memory; fewer pictures at once need less"),
        (KeyboardInterrupt(), "training.some: stopped"),
    ],
)
def test_an_error_of_the_users_is_one_line(
    error: BaseException, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(error, capsys) == words


def test_a_fault_of_the_package_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="ours"), one_line("training.some"):
        raise ValueError("ours")
    with pytest.raises(BrokenPipeError), one_line("training.some"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_every_error_of_the_package_belongs_to_the_family_and_stands_in_the_tree() -> None:
    outside, drawn = [], importlib.import_module("training.errors").__doc__
    for name in MODULES:
        module = importlib.import_module(name)
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == name:
                outside += [] if issubclass(value, TrainingError) and value.__name__ in drawn else [value.__name__]
    assert outside == []


def test_every_entry_ends_in_one_line_and_in_no_other_way() -> None:
    assert len(ENTRIES) >= 8
    for entry in ENTRIES:
        module = importlib.import_module(f"training.{entry}")
        tree = ast.parse(Path(str(module.__file__)).read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        named = [call.args[0] for call in calls if getattr(call.func, "id", "") == "one_line"]
        programs = {name.value if isinstance(name, ast.Constant) else vars(module)[name.id] for name in named}
        assert programs == {f"training.{entry}"}
        assert not [call for call in calls if getattr(call.func, "attr", "") == "exit"], entry


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train moon --data . --run r", "training.train: unknown recipe 'moon'; there are "),
        ("train lafin_tiny --data . --run r --precision moon", "training.train: unknown precision 'moon'; there are "),
        ("train lafin_tiny --data . --run r --accelerator moon", "training.train: unknown accelerator 'moon'"),
        ("train lafin_tiny --data . --run r --devices many", "training.train: --devices many: write auto, or a count"),
        ("evaluate --data . --device moon", "training.evaluate: device 'moon' cannot be used here: "),
        ("augment --data . --output o --device meta", "training.augment: device 'meta' cannot be used here: "),
    ],
)
def test_programs_end_in_one_line(command: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *arguments = command.split()
    result = CliRunner().invoke(importlib.import_module(f"training.{program}").app, arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert str(result.exception.code).startswith(words)
    assert "\n" not in str(result.exception.code)


MISTAKES = {
    # what is typed, in a folder with the prepared faces `faces`, a file `notes.txt` and a folder `empty`
    "train lafin_tiny --data faces --run r --devices 0": "--devices 0: write auto, or a count of 1 or more",
    "train lafin_tiny --data faces --run r --nodes 2": "--nodes 2: start with torchrun on each machine",
    "train lafin_tiny --data faces --run r --accelerator mps": "device 'mps' cannot be used here: ",
    "train lafin_tiny --data faces --run r --set batch=4": "--set batch: part predictor has no such field; near it: ",
    "train lafin_tiny --data faces --run notes.txt": "notes.txt/predictor: Not a directory",
    "train lafin_tiny --data faces --run r --features notes.txt --part generator": "notes.txt is not a file of weights",
    "train lafin_tiny --data faces --run r --start notes.txt": "notes.txt is not a safetensors file",
    "train lafin_tiny --data faces --run r --start nowhere": "there is no snapshot at nowhere",
    "train lafin_tiny --data notes.txt --run r": "notes.txt/faces.csv is missing",
    "train gfc_tiny --data faces --run r --parser notes.txt": "notes.txt is not a safetensors file",
    "train reference_tiny --data faces --run r --sketches notes.txt": "notes.txt is no file of training.prepare",
    "export --repository empty --run nowhere": "there is no run folder nowhere",
    "export --repository empty --run faces": "faces has no recorded snapshot",
    "export --repository empty --from best": "--from best needs --run",
    "export --repository empty --precision foo": "unknown precision 'foo'; there are auto, float32, ",
    "convert lafin --repository rep --generator notes.txt": "notes.txt is refused: it is no file of weights",
    "convert parser --repository rep --weights notes.txt": "notes.txt is refused: it is no file of weights",
    "convert reference --repository rep --weights empty": "there is no file empty",
    "interpolate notes.txt notes.txt notes.txt": "notes.txt is notes.txt, which would be lost",
    "interpolate notes.txt notes.txt empty": "empty is a folder; name the file to write",
    "sheet --data faces --output a.bmp": "a.bmp: the picture's name must end with one of .png, .jpg, .jpeg",
}


@pytest.mark.parametrize(("command", "words"), MISTAKES.items())
def test_every_mistake_is_one_line_that_says_what_to_write(
    command: str, words: str, drawn_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faces").symlink_to(drawn_folder)
    (tmp_path / "notes.txt").write_text("notes of a day\n")
    (tmp_path / "empty").mkdir()
    test_programs_end_in_one_line(command, f"training.{command.split()[0]}: {words}", tmp_path, monkeypatch)
    assert (tmp_path / "notes.txt").read_text() == "notes of a day\n"


def test_a_program_of_its_own_prints_that_line_and_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.interpolate", "first", "second", "out"],
        cwd=tmp_path, env={"PYTHONPATH": str(Path(training.__path__[0]).parent)}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "training.interpolate: there is no snapshot at first\n"
