"""Where the service of this machine listens and what it serves; and what would stop it from starting.

Standard library only: it runs before the virtual environment exists.
Settings come from the environment, then from the file .env, as in service/settings/service.py.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 8000
DEFAULT_DRAIN_SECONDS = 20.0  # these two as in service/settings
DEFAULT_WORKER_GRACE_SECONDS = 90.0
REDIS_URLS = frozenset({"REDIS_URL", "REDIS_URL_FILE"})


class CannotStart(Exception):
    """One line that says what is wrong and what to do."""


@dataclass(frozen=True)
class Place:
    host: str
    port: int  # of the API; 0: any free one
    engine_port: int | None  # of the embedded engine; None: ENGINE_URL names an engine that runs already
    engine_url: str  # host:port
    redis_port: int | None  # of the embedded Redis; None: REDIS_URL names one that runs already
    redis_url: str
    redis_folder: Path  # where the embedded Redis keeps its data
    repository: Path
    drain_seconds: float  # how long a stop leaves the API and the workers at work
    worker_grace_seconds: float  # how long a stopping worker lets its job run: at most as long


def read_place(environment: Mapping[str, str], dotenv: Path = Path(".env")) -> Place:
    """Read HOST, PORT, ENGINE_*, REDIS_*, MODEL_REPOSITORY and what says how long a stop takes; the environment wins
    over `dotenv`."""
    values = read_dotenv(dotenv) | {name: value for name, value in environment.items() if value}
    port = _port("PORT", values.get("PORT", str(DEFAULT_PORT)))
    repository = Path(values.get("MODEL_REPOSITORY", "model_repository"))
    host = values.get("HOST", "127.0.0.1")
    engine_port = None if "ENGINE_URL" in values else _beside("ENGINE_PORT", values, port, 1)
    redis_port = None if REDIS_URLS & values.keys() else _beside("REDIS_PORT", values, port, 2)
    drain_seconds = _seconds("DRAIN_DELAY_SECONDS", values, 0) + _seconds(
        "DRAIN_SECONDS", values, DEFAULT_DRAIN_SECONDS
    )
    grace_seconds = _seconds("WORKER_GRACE_SECONDS", values, DEFAULT_WORKER_GRACE_SECONDS)
    return Place(
        host=host,
        port=port,
        engine_port=engine_port,
        engine_url=values.get("ENGINE_URL", f"127.0.0.1:{engine_port}"),
        redis_port=redis_port,
        redis_url=values.get("REDIS_URL", "") if redis_port is None else f"redis://127.0.0.1:{redis_port}/0",
        redis_folder=Path(values.get("REDIS_FOLDER", "var/redis")),
        repository=repository,
        drain_seconds=drain_seconds,
        worker_grace_seconds=min(grace_seconds, drain_seconds),
    )


def _beside(name: str, values: Mapping[str, str], port: int, distance: int) -> int:
    """The port that `name` sets, else the one `distance` above the API's; a free one when the API's is free too."""
    if name in values or port:
        return _port(name, values.get(name, str(port + distance)))
    return free_port()


def read_dotenv(file: Path) -> dict[str, str]:
    """NAME=value lines; comments, blank lines and quotes around a value are dropped."""
    if not file.is_file():
        return {}
    lines = (line.strip().removeprefix("export ") for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip().upper(): value.strip().strip("'\"") for name, _, value in pairs if value.strip()}


def check_port(name: str, host: str, port: int) -> None:
    """Raise CannotStart if nothing can listen on host:port; `name` is the setting that moves it."""
    if port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"cannot listen on {host}:{port} ({error.strerror}). "
                f"Stop what runs there, or take another port: make serve {name}={port + 10}"
            ) from None


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise CannotStart(
            f"{name}={text} is not a port. Give a number from 0 to 65535: make serve {name}={DEFAULT_PORT}"
        )
    return int(text)


def _seconds(name: str, values: Mapping[str, str], default: float) -> float:
    if f"{name}_FILE" in values:
        raise CannotStart(f"{name}_FILE is set, but make serve needs the value itself. Set {name} instead.")
    try:
        seconds = float(values.get(name, default))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise CannotStart(f"{name}={values[name]} is not a number of seconds. Give one from 0 on: make serve {name}=20")
    return seconds
