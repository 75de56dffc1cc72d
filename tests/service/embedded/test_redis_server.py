from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from service.embedded.redis_server import OLDEST, arguments, executable, version
from tests.contract.engines import ROOT
from tests.fakes.ports import free_port
from tests.fakes.waiting import PATIENCE_SECONDS


def test_there_is_a_redis_that_is_new_enough() -> None:
    assert version(executable()) >= OLDEST


def test_an_installed_redis_is_used_unless_it_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "redis-server"
    monkeypatch.setenv("PATH", str(tmp_path))
    for said, used in (("7.2.4", True), ("6.0.16", False)):
        installed.write_text(f"#!/bin/sh\necho Redis server v={said} sha=0\n")
        installed.chmod(0o755)
        assert (executable() == installed) is used


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
