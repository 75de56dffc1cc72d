"""What images install is what pyproject.toml says: a layer built in a fresh virtual environment holds just that."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.docker.wanted import wanted_packages
from tests.test_house import EXTRAS, PROJECT, ROOT, pins

LIST = "import importlib.metadata as m; print(*{one.name + '==' + one.version for one in m.distributions()})"
INSTALL = ["--quiet", "--only-binary", ":all:", "--constraint", str(ROOT / "constraints.txt"), "-r"]
OF_TORCH = {f"setuptools=={pins()['setuptools']}"}  # only some of its builds name it
OF_CUDA = ("nvidia-", "cuda-", "triton==")


def of_dockerfile(name: str) -> list[str]:
    """The extras that a Dockerfile installs in its first stage."""
    found = re.search(r"docker/requirements\.py ([\w ]+) > requirements\.txt", (ROOT / "docker" / name).read_text())
    assert found is not None
    return found[1].split()


def requirements(extras: list[str], folder: Path) -> Path:
    told = subprocess.run(
        [sys.executable, ROOT / "docker" / "requirements.py", *extras], capture_output=True, text=True, check=True
    )
    assert told.stdout.split("\n")[:-1] == sorted({text for extra in extras for text in EXTRAS[extra]})
    file = folder / "requirements.txt"
    file.write_text(told.stdout)
    return file


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The Python of a new environment, which has nothing, not even pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return tmp_path / "venv" / "bin" / "python"


def pip(python: Path, *arguments: object) -> list[str]:
    """The pip of the tests, at work on another Python's packages."""
    return [sys.executable, "-m", "pip", "--python", str(python), *map(str, arguments)]


@pytest.mark.timeout(600)
def test_the_layer_of_the_service(fresh: Path, tmp_path: Path) -> None:
    """Installed for real: the packages are those of the extras, as pinned, and the API loads with them alone."""
    extras = of_dockerfile("service.Dockerfile")
    command = pip(fresh, "install", "--no-compile", *INSTALL, requirements(extras, tmp_path))
    subprocess.run(command, check=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    subprocess.run([fresh, ROOT / "docker" / "requirements.py", "--metadata", site], check=True)
    told = subprocess.run([fresh, "-c", LIST], capture_output=True, text=True, check=True).stdout.split()
    found = {f"{canonicalize_name(name)}=={version}" for name, _, version in (one.partition("==") for one in told)}
    own = f"{PROJECT['name']}=={PROJECT['version']}"
    assert found == wanted_packages(extras) | {own}
    programs = (
        "service.app, service.__main__, service.worker, service.jobs.tasks, service.jobs.deliveries, service.health"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([fresh, "-c", f"import {programs}"], cwd=ROOT, env=environment, check=True)


@pytest.mark.timeout(600)
def test_the_layer_of_the_engine(fresh: Path, tmp_path: Path) -> None:
    """Resolved, not installed: torch is large."""
    extras, report = of_dockerfile("engine.Dockerfile"), tmp_path / "report.json"
    command = pip(fresh, "install", "--dry-run", "--report", report, *INSTALL, requirements(extras, tmp_path))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    resolved = {
        one["metadata"]["name"]: one["metadata"]["version"] for one in json.loads(report.read_text())["install"]
    }
    found = {f"{canonicalize_name(name)}=={version.partition('+')[0]}" for name, version in resolved.items()}
    ours = wanted_packages(extras)
    assert {one for one in found if not one.startswith(OF_CUDA)} - OF_TORCH == ours - OF_TORCH


def test_an_unknown_extra_is_an_error() -> None:
    told = subprocess.run(
        [sys.executable, ROOT / "docker" / "requirements.py", "nothing"], capture_output=True, text=True
    )
    assert told.returncode != 0
    assert told.stdout == ""
