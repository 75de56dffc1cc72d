"""What an image is gathered from. That it runs alone, `make docker-test` sees."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docker import root as gathering
from tests.test_house import ROOT


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small environment, and what root.py makes of it."""
    folder = tmp_path_factory.mktemp("root")
    environment, root = folder / "venv", folder / "image"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "pip").mkdir()
    (site / "pip" / "x.py").write_text("")
    (site / "numpy" / "tests").mkdir(parents=True)
    (site / "numpy" / "__init__.py").write_text("value = 7")
    (site / "numpy" / "tests" / "test_x.py").write_text("")
    (root / "app").mkdir(parents=True)
    (root / "app" / "program.py").write_text("import json, ssl, numpy")
    subprocess.run([environment / "bin" / "python", ROOT / "docker" / "root.py", root, "program"], check=True)
    return environment, root


def inside(root: Path, path: Path) -> Path:
    return root / str(path).lstrip("/")


def test_the_environment_comes_without_what_installs_and_tests(gathered: tuple[Path, Path]) -> None:
    environment, root = gathered
    (site,) = inside(root, environment).glob("lib/python*/site-packages")
    assert (site / "numpy" / "__init__.py").is_file()
    assert not (site / "numpy" / "tests").exists()
    assert not (site / "pip").exists()


def test_the_interpreter_and_its_libraries_are_there(gathered: tuple[Path, Path]) -> None:
    environment, root = gathered
    place = environment / "bin" / "python"
    for _ in range(5):
        assert os.path.lexists(gathering.inside(root, place)), place
        if not place.is_symlink():
            break
        place = place.parent / os.readlink(place)
    loaded = subprocess.run(["ldd", place], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(?:=> |^\s+)(/\S+) \(", loaded, re.M):
        assert gathering.inside(root, Path(path)).is_file(), path


def test_there_is_no_shell_and_no_root_to_become(gathered: tuple[Path, Path]) -> None:
    _, root = gathered
    assert not (root / "usr" / "bin" / "sh").exists()
    assert not (root / "bin" / "sh").exists()
    assert "inpaint:x:10001:10001" in (root / "etc" / "passwd").read_text()
    assert (root / "tmp").stat().st_mode & 0o7777 == 0o1777


def test_bytecode_is_there_for_what_is_loaded_and_tells_no_time(gathered: tuple[Path, Path]) -> None:
    _, root = gathered
    (made,) = (root / "app" / "__pycache__").glob("program.*.pyc")
    assert int.from_bytes(made.read_bytes()[4:8], "little") == 0b01  # by hash, unchecked
    assert list(root.rglob("json/__pycache__/decoder.*.pyc"))
    assert not list(root.rglob("__pycache__/smtplib.*.pyc"))


def test_a_stripped_library_still_loads(tmp_path: Path) -> None:
    found = importlib.util.find_spec("rapidjson")
    assert found is not None
    copy = tmp_path / Path(str(found.origin)).name
    shutil.copy(str(found.origin), copy)
    before = copy.stat().st_size
    gathering.strip(copy)
    assert copy.stat().st_size < before
    code = "import rapidjson; print(rapidjson.__file__, rapidjson.loads('[7]'))"
    told = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == [str(copy), "[7]"]
