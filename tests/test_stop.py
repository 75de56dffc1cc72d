"""A test run that gets SIGTERM leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[1]
RUN = """
import asyncio, subprocess, sys, time
from pathlib import Path
import pytest
from tests.contract.engines import launch
from tests.fakes.redis_server import RedisServer

@pytest.fixture(scope="session")
def redis():
    with RedisServer() as server:
        yield server

@pytest.fixture
def engine(tmp_path):
    started = launch("idle", [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path, 1, {})
    yield started
    started.kill()

def test_in_plain_code(redis, engine):
    Path("ready").touch()
    time.sleep(600)

async def test_in_a_loop(redis, engine):
    Path("ready").touch()
    await asyncio.sleep(600)
"""


@pytest.mark.parametrize("name", ["test_in_plain_code", "test_in_a_loop"])
def test_sigterm_ends_what_the_tests_have_started(tmp_path: Path, name: str) -> None:
    (tmp_path / "test_it.py").write_text(RUN)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        f"test_it.py::{name}",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    end_seconds = time.monotonic() + 120
    while not (tmp_path / "ready").exists():
        assert run.poll() is None, run.stdout.read() if run.stdout else ""
        assert time.monotonic() < end_seconds, "the tests did not begin"
        time.sleep(0.05)
    family = psutil.Process(run.pid).children(recursive=True)
    assert len(family) >= 2, "a Redis and an idle process"
    for _ in range(2):
        run.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    output, _ = run.communicate(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert run.returncode == 2, output
