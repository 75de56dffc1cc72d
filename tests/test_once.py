"""What is dear is made once, by whichever test process comes first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = """
from pathlib import Path
import pytest
from tests.fakes.once import once

def make(folder):
    with Path(__file__).with_name("asked").open("a") as asked:
        asked.write("x")
    (folder / "file").write_text("y")

@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return once(tmp_path_factory, "dear", make)

@pytest.mark.parametrize("number", range(8))
def test_it_is_there(folder, number):
    assert (folder / "file").read_text() == "y"
"""


def test_two_processes_make_it_once(tmp_path: Path) -> None:
    (tmp_path / "test_dear.py").write_text(TESTS)
    asked = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
        "test_dear.py",
    ]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment = {**alone, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(asked, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "8 passed" in ended.stdout, ended.stdout + ended.stderr
    assert (tmp_path / "asked").read_text() == "x"
