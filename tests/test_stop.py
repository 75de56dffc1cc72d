"""A test run that gets SIGTERM leaves no process behind; in the background of a shell its programs hear Ctrl-C too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.fakes.waiting import until

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

def test_a_program_hears_ctrl_c():
    code = "import signal; raise SystemExit(signal.getsignal(signal.SIGINT) is not signal.default_int_handler)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
"""
ALONE = ()
SHARED = ("-n", "1")
IN_THE_BACKGROUND = ("sh", "-c", 'trap "" INT; exec "$0" "$@"')


def start(folder: Path, name: str, options: tuple[str, ...], shell: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A test run of its own, of one of the tests above."""
    (folder / "test_it.py").write_text(RUN)
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n")
    plugins = ("-p", "tests.conftest", "-p", "no:cacheprovider")
    command = [*shell, sys.executable, "-m", "pytest", "-q", *plugins, *options, f"test_it.py::{name}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("name", "options"), [("test_in_plain_code", ALONE), ("test_in_a_loop", ALONE), ("test_in_a_loop", SHARED)]
)
def test_sigterm_ends_what_the_tests_have_started(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    run = start(tmp_path, name, options)
    until(lambda: (tmp_path / "ready").exists() or run.poll() is not None, "the start of the tests")
    assert run.poll() is None, run.stdout.read() if run.stdout else ""
    family = psutil.Process(run.pid).children(recursive=True)
    assert len(family) >= 2, "a Redis and an idle process"
    for _ in range(2):
        run.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    output, _ = run.communicate(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    assert run.returncode == 2, output


def test_in_the_background_of_a_shell_programs_hear_ctrl_c(tmp_path: Path) -> None:
    run = start(tmp_path, "test_a_program_hears_ctrl_c", SHARED, IN_THE_BACKGROUND)
    assert "1 passed" in run.communicate(timeout=120)[0]
