"""Options that commands share: how their words are read, and refused."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from typer import Typer
from typer.testing import CliRunner

from training.data.holes import HoleError
from training.errors import OptionError
from training.evaluate import app as evaluate
from training.options import check_arithmetic, open_device, pick, read_devices, read_kinds
from training.recognise import app as recognise

PROGRAMS = ("augment", "convert", "evaluate", "export", "interpolate", "prepare", "recognise", "seen_parsing", "train")
MISTAKES = [
    ("--holes", "moon", "unknown hole 'moon'"),
    ("--holes", ",", "--holes names no kind"),
    ("--model", "other", "unknown model 'other'; there are lafin, "),
    ("--blend", "other", "unknown blend 'other'; there are none, poisson"),
    ("--identity", "absent.pt", "no feature network at absent.pt"),
    ("--data", "absent", "faces.csv is missing"),
    ("--split", "other", "unknown split 'other'"),
    ("--device", "moon", "device 'moon' cannot be used here"),
]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("identity") / "flat.pt"
    torch.jit.script(torch.nn.Flatten()).save(str(path))
    return path


@pytest.mark.parametrize("command", [evaluate, recognise], ids=["evaluate", "recognise"])
@pytest.mark.parametrize(("option", "value", "words"), MISTAKES, ids=lambda word: word.partition(";")[0])
def test_commands_that_share_an_option_refuse_it_in_the_same_words(
    command: Typer, option: str, value: str, words: str, drawn_folder: Path, tiny_repository: Path, identity: Path
) -> None:
    given = {"--data": drawn_folder, "--repository": tiny_repository, "--identity": identity, "--holes": "O3"}
    words_of = [str(word) for pair in (given | {option: value}).items() for word in pair]
    result = CliRunner().invoke(command, words_of)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert words in str(result.exception.code)


def test_kinds_of_holes_are_joined_by_commas() -> None:
    assert read_kinds(" 20-40, center,24px,") == ["20-40", "center", "24px"]
    with pytest.raises(OptionError, match="--holes names no kind"):
        read_kinds(" , ")
    with pytest.raises(HoleError, match="unknown hole 'moon'"):
        read_kinds("center,moon")


def test_an_entry_is_picked_by_its_name() -> None:
    assert pick({"one": 1, "two": 2}, "two", "number") == 2
    with pytest.raises(OptionError, match="unknown number 'ten'; there are one, two"):
        pick({"one": 1, "two": 2}, "ten", "number")


def test_a_device_must_hold_a_tensor() -> None:
    assert open_device("cpu") == "cpu"
    assert open_device("auto") in ("cpu", "cuda")
    for name in ("moon", "meta", ""):
        with pytest.raises(OptionError, match=f"device '{name}' cannot be used here: "):
            open_device(name)


def test_devices_are_counted() -> None:
    assert (read_devices("auto"), read_devices("2")) == ("auto", 2)
    for text in ("0", "-1", "two", "1.5", ""):
        with pytest.raises(OptionError, match="write auto, or a count"):
            read_devices(text)


def test_arithmetic_is_lightnings() -> None:
    check_arithmetic("cpu", "auto")
    check_arithmetic("auto", "bf16-mixed")
    with pytest.raises(OptionError, match="unknown accelerator 'gpu'; there are auto, cpu, cuda, mps"):
        check_arithmetic("gpu", "auto")
    with pytest.raises(OptionError, match="unknown precision 'half'; there are auto, 32-true, "):
        check_arithmetic("cpu", "half")


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_says_its_version_and_that_it_can(name: str) -> None:
    program = import_module(f"training.{name}").app
    said = CliRunner().invoke(program, ["--version"])
    assert (said.exit_code, said.output) == (0, f"face-inpainting {version('face-inpainting')}\n")
    helped = CliRunner().invoke(program, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert helped.exit_code == 0
    assert "--version" in helped.output
