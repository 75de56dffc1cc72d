"""A Python that is missing, too old or incomplete is one line that says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def find_python(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    command = ["/bin/sh", "deploy/find_python.sh"]
    return subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, timeout=60)


def fake_python(folder: Path, name: str, setup: str) -> Path:
    """A Python that runs `setup` before whatever it is told to run."""
    folder.mkdir(exist_ok=True)
    site = folder / f"{name}_site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(setup)
    python = folder / name
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return python


def test_this_python_fits() -> None:
    found = find_python(PYTHON=sys.executable)
    assert (found.returncode, found.stdout.strip(), found.stderr) == (0, sys.executable, "")


OLD = "import sys; sys.version_info = (3, 10, 9)"
NO_SSL = "import sys; sys.modules['ssl'] = None"
NO_VENV = "import sys; sys.modules['ensurepip'] = None"


@pytest.mark.parametrize(
    ("setup", "complaint"),
    [
        (OLD, "is Python 3.10, and 3.11 or newer is needed"),
        (NO_SSL, "lacks the standard module ssl"),
        (NO_VENV, "lacks the standard module ensurepip (on Debian and Ubuntu: apt-get install python3-venv)"),
    ],
)
def test_an_unfit_python_is_one_line(tmp_path: Path, setup: str, complaint: str) -> None:
    python = fake_python(tmp_path / "bin", "python3", setup)
    for found in (find_python(PYTHON=str(python)), find_python(PATH=str(python.parent))):
        assert found.returncode == 1
        assert found.stdout == ""
        assert complaint in found.stderr
        assert found.stderr.startswith("error: ")
        assert found.stderr.count("\n") == 1
        assert "make PYTHON=" in found.stderr


def test_a_fit_python_is_found_behind_an_unfit_one(tmp_path: Path) -> None:
    fake_python(tmp_path / "bin", "python3.11", OLD)
    fake_python(tmp_path / "bin", "python3", "")
    found = find_python(PATH=str(tmp_path / "bin"))
    assert (found.returncode, found.stdout.strip()) == (0, "python3")


def test_no_python_at_all(tmp_path: Path) -> None:
    found = find_python(PATH=str(tmp_path))
    assert found.returncode == 1
    assert "no fit Python found (none is on the PATH)" in found.stderr


def test_a_name_that_does_not_run(tmp_path: Path) -> None:
    found = find_python(PYTHON=str(tmp_path / "nothing"))
    assert found.returncode == 1
    assert "does not run" in found.stderr
