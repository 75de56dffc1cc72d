"""No process outlives `make serve`, however it ends. The processes here are stand-ins that say ready and wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from honcho.manager import KILL_WAIT

from tests.fakes.waiting import until

ROOT = Path(__file__).parents[2]
PATIENT = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {PATIENT}"
# Told to stop, it finishes what it does: when there is a file `go`.
WORKING = """
import pathlib, signal, sys, time
def finish(*_):
    print("finishes", flush=True)
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    print("has finished", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, finish)
print("ready", flush=True)
time.sleep(600)
"""
# Its child in a group of its own outlives it for a while, and keeps its output open.
WITH_A_CHILD = f"""
import os, time
parent = os.getpid()
if os.fork() == 0:
    os.setpgrp()
    while os.getppid() == parent:
        time.sleep(0.02)
    time.sleep(3)
    raise SystemExit
{STUBBORN}
"""
FAILING = "import time; time.sleep(1); print('no engine', flush=True); raise SystemExit(3)"
FINISHED = "import time; time.sleep(1)"


class Start:
    """One start of `deploy.serve` in a folder of its own, below a make if `under_make`."""

    def __init__(
        self, folder: Path, commands: dict[str, str], *, under_make: bool = False, drain_seconds: float = 20
    ) -> None:
        for name, code in commands.items():
            (folder / f"{name}.py").write_text(code)
        (folder / "Procfile").write_text("".join(f"{name}: exec python {name}.py\n" for name in commands))
        model = folder / "model_repository" / "x_generator"
        (model / "1").mkdir(parents=True)
        (model / "config.pbtxt").write_text('backend: "pytorch"\n')
        (model / "1" / "model.pt").write_bytes(b"script")
        (folder / "Makefile").write_text(f"serve:\n\t@exec {sys.executable} -m deploy.serve\n")
        self.output_file = folder / "output.txt"
        with self.output_file.open("w") as output:
            self.process = subprocess.Popen(
                ["make", "serve"] if under_make else [sys.executable, "-m", "deploy.serve"],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT), "PORT": "0", "DRAIN_SECONDS": str(drain_seconds)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.family: list[psutil.Process] = []

    def wait_until_ready(self, processes: int) -> None:
        """Until `processes` stand-ins have said so."""
        end = time.monotonic() + 60
        while self.output.count("| ready") < processes:
            assert time.monotonic() < end, self.output
            time.sleep(0.05)
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        assert len(self.family) >= processes

    def wait_for_the_end(self) -> int:
        """The exit code; every process that was seen must be gone too."""
        code = self.process.wait(timeout=30)
        _, alive = psutil.wait_procs(self.family, timeout=20)
        assert alive == []
        return code

    @property
    def output(self) -> str:
        return self.output_file.read_text()


@pytest.fixture
def starts() -> Iterator[list[Start]]:
    """Whatever a failed test leaves behind is killed."""
    made: list[Start] = []
    yield made
    for start in made:
        for process in start.family:
            if process.is_running():
                process.kill()
        if start.process.poll() is None:
            start.process.kill()
            start.process.wait()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_all(tmp_path: Path, starts: list[Start], name: str) -> None:
    start = Start(tmp_path, {"engine": PATIENT, "api": PATIENT})
    starts.append(start)
    start.wait_until_ready(2)
    start.process.send_signal(signal.Signals[name])
    assert start.wait_for_the_end() == 0
    assert "SIGKILL" not in start.output
    assert start.output.endswith("stopped.\n")


@pytest.mark.parametrize("to_group", [True, False], ids=["ctrl-c", "kill"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_to_make_ends_all(tmp_path: Path, starts: list[Start], name: str, to_group: bool) -> None:
    start = Start(tmp_path, {"engine": PATIENT, "api": PATIENT}, under_make=True)
    starts.append(start)
    start.wait_until_ready(2)
    (os.killpg if to_group else os.kill)(start.process.pid, signal.Signals[name])
    start.wait_for_the_end()


def test_the_end_of_make_ends_all(tmp_path: Path, starts: list[Start]) -> None:
    start = Start(tmp_path, {"engine": PATIENT, "api": PATIENT}, under_make=True)
    starts.append(start)
    start.wait_until_ready(2)
    start.process.kill()
    start.process.wait()
    _, alive = psutil.wait_procs(start.family, timeout=10)
    assert alive == []


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path, starts: list[Start]) -> None:
    start = Start(tmp_path, {"engine": STUBBORN, "api": STUBBORN}, drain_seconds=0)
    starts.append(start)
    start.wait_until_ready(2)
    start.process.send_signal(signal.SIGINT)
    assert start.wait_for_the_end() == 0
    assert "SIGKILL" in start.output


def test_what_runs_has_its_time_and_what_it_leans_on_is_stopped_last(tmp_path: Path, starts: list[Start]) -> None:
    start = Start(tmp_path, {"engine": PATIENT, "webhooks": PATIENT, "api": WORKING})
    starts.append(start)
    start.wait_until_ready(3)
    start.process.send_signal(signal.SIGTERM)
    until(lambda: "finishes" in start.output and "webhooks stopped" in start.output)
    time.sleep(KILL_WAIT + 1)  # honcho by itself would kill them now
    assert "to engine" not in start.output
    (tmp_path / "go").touch()
    assert start.wait_for_the_end() == 0
    assert start.output.index("has finished") < start.output.index("sending SIGTERM to engine")
    assert "SIGKILL" not in start.output


def test_what_outstays_its_time_is_killed_once(tmp_path: Path, starts: list[Start]) -> None:
    start = Start(tmp_path, {"engine": FAILING, "worker": WITH_A_CHILD}, drain_seconds=0)
    starts.append(start)
    start.wait_until_ready(1)
    assert start.wait_for_the_end() == 1
    assert start.output.count("SIGKILL") == 1, start.output
    assert start.output.count("SIGTERM") == 1, start.output


@pytest.mark.parametrize("dying", [FAILING, FINISHED], ids=["exit code 3", "exit code 0"])
def test_the_end_of_one_process_ends_all_with_an_error(tmp_path: Path, starts: list[Start], dying: str) -> None:
    start = Start(tmp_path, {"engine": dying, "api": PATIENT})
    starts.append(start)
    start.wait_until_ready(1)
    assert start.wait_for_the_end() == 1
    assert "error: a process ended by itself" in start.output
    assert "engine stopped" in start.output


def test_a_signal_during_the_start_ends_all(tmp_path: Path, starts: list[Start]) -> None:
    start = Start(tmp_path, {"engine": PATIENT, "api": PATIENT})
    starts.append(start)
    while "engine started" not in start.output:
        time.sleep(0.005)
    start.family = psutil.Process(start.process.pid).children(recursive=True)
    start.process.send_signal(signal.SIGTERM)
    assert start.wait_for_the_end() == 0


def test_a_bad_setting_is_told_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIN_SIDE_PIXELS", "20000")
    start = Start(tmp_path, {"api": PATIENT})
    assert start.wait_for_the_end() == 1
    assert start.output == "error: Bad setting MIN_SIDE_PIXELS: is more than MAX_SIDE_PIXELS, which is 10000\n"
