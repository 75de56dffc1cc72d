"""What is typed wrong, told by every program in one line; and what a program does besides."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import training
from training.program import Program, in_words

PROGRAMS = sorted(file.stem for file in Path(training.__path__[0]).glob("*.py") if "app = Program(" in file.read_text())


def run(program: str, *arguments: str):
    return CliRunner().invoke(importlib.import_module(f"training.{program}").app, list(arguments))


def test_no_program_is_made_in_another_way() -> None:
    others = {file.stem for file in Path(training.__path__[0]).rglob("*.py") if "typer.Typer(" in file.read_text()}
    assert others == set()
    assert len(PROGRAMS) >= 17


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option_is_one_line_of_every_program(program: str) -> None:
    result = run(program, "--moon")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"training.{program}: no such option: --moon")
    assert result.stderr.endswith("; see --help\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("evaluate", "missing option '--data'"),
        ("evaluate --data", "option '--data' requires an argument"),
        ("evaluate --data . --limit many", "invalid value for '--limit' / '--count': 'many' is not a whole number"),
        ("evaluate --data . --limit 0", "invalid value for '--limit' / '--count': 0 is not in the range x>=1"),
        ("interpolate one two three --share much", "invalid value for '--share': 'much' is not a number"),
        ("train", "missing argument 'RECIPE'"),
        ("train gfc_tiny more --data . --run r", "got unexpected arguments (more)"),
        ("prepare", "missing command"),
        ("convert lafin", "missing option '--repository'"),
        ("prepare moon", "no such command 'moon'"),
        ("prepare folder", "missing option '--source'"),
    ],
)
def test_usage_is_told_in_plain_words(line: str, words: str) -> None:
    program, *arguments = line.split()
    result = run(program, *arguments)
    assert (result.exit_code, result.output) == (2, f"training.{program}: {words}; see --help\n")


def test_several_lines_become_one() -> None:
    assert in_words("Missing option.\n  Choose from:\n\tone\n") == "missing option.; Choose from:; one"


@pytest.mark.parametrize(("line", "words"), [("--help", "what it is for"), ("--name moon", "moon")])
def test_what_is_typed_right_ends_with_0(line: str, words: str) -> None:
    app = Program("training.some")

    @app.command()
    def some(name: str = "") -> None:
        """Says what it is for."""
        print(name)

    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 0
    assert words in result.stdout
