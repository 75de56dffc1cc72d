"""The environment is made once, again when what it was made from changes, and never by half."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Stands in for the base Python and for that of .venv: notes every `-m` call, makes .venv, and does no more.
PYTHON = f"""#!/bin/sh
if [ "$1" != -m ]; then exec "{sys.executable}" "$@"; fi
echo "$@" >>calls.txt
if [ "$2" = venv ]; then mkdir -p .venv/bin && rm -f .venv/.ready && cp "$0" .venv/bin/python; fi
if [ "$2" = pip ] && [ -f broken_network ]; then echo "no network" >&2; exit 1; fi
"""


class Project:
    """A folder with the set-up script, its inputs, and a Python that only takes notes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder / name)
        (folder / "bin").mkdir()
        (folder / "bin" / "python3.11").write_text(PYTHON)
        (folder / "bin" / "python3.11").chmod(0o755)

    def setup(self) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if name != "PYTHON"}
        return subprocess.run(
            ["sh", "deploy/setup.sh"],
            cwd=self.folder,
            env=clean | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> list[str]:
        """The `-m` calls since the last look: "venv" or "pip"."""
        notes = self.folder / "calls.txt"
        lines = notes.read_text().splitlines() if notes.exists() else []
        notes.unlink(missing_ok=True)
        return [line.split()[1] for line in lines]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "clone")


def test_the_second_time_nothing_is_done(project: Project) -> None:
    assert project.setup().returncode == 0
    assert project.calls() == ["venv", "pip", "pip"]
    second = project.setup()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert project.calls() == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_input_installs_again(project: Project, name: str) -> None:
    project.setup()
    project.calls()
    with (project.folder / name).open("a") as file:
        file.write("# one more line\n")
    assert project.setup().returncode == 0
    assert project.calls() == ["pip", "pip"]


def test_a_moved_folder_makes_a_new_environment(project: Project) -> None:
    project.setup()
    project.calls()
    project.folder = project.folder.rename(project.folder.with_name("moved"))
    assert project.setup().returncode == 0
    assert project.calls() == ["venv", "pip", "pip"]


def test_a_failure_is_said_and_the_next_time_goes_on(project: Project) -> None:
    (project.folder / "broken_network").touch()
    failed = project.setup()
    assert failed.returncode != 0
    assert failed.stderr.splitlines()[-1].startswith("error: pip failed")
    assert project.calls() == ["venv", "pip"]
    (project.folder / "broken_network").unlink()
    assert project.setup().returncode == 0
    assert project.calls() == ["pip", "pip"]


def test_a_broken_environment_is_made_anew(project: Project) -> None:
    project.setup()
    project.calls()
    (project.folder / ".venv" / "bin" / "python").write_text("#!/nowhere\n")
    assert project.setup().returncode == 0
    assert project.calls() == ["venv", "pip", "pip"]


def test_the_environment_of_another_folder_is_left_alone(project: Project, tmp_path: Path) -> None:
    project.setup()
    project.calls()
    other = Project(tmp_path / "other")
    (other.folder / ".venv").symlink_to(project.folder / ".venv")
    refused = other.setup()
    assert refused.returncode != 0
    assert f".venv is a link to {project.folder / '.venv'}" in refused.stderr
    assert (other.calls(), (project.folder / ".venv" / ".ready").exists()) == ([], True)
