"""`python -m deploy.serve`: makes stale models, then runs the Procfile through honcho until it is told to stop.

No process outlives it: a signal to this process, to its `make`, or the end of its terminal ends them all.
Exit code 0 when it was told to stop, 1 when a process ended by itself.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from deploy.models import make_models
from deploy.place import CannotStart, Place, read_place

GRACE_SECONDS = 8.0  # from the first signal to SIGKILL
FRONT_SECONDS = 4.0  # of these, for the processes that need the engine and Redis to finish
LEANED_ON = ("redis", "engine")
WATCH_SECONDS = 0.5
STOPPED_BY_SIGNAL = {130, 143}  # honcho's codes for SIGINT and SIGTERM


class Supervisor(Manager):
    """honcho's manager, with an end that is certain and in order.

    honcho's own fails on a signal that comes before every process has started, and waits for ever for a process
    that ignores SIGTERM; this one tries again a moment later, and sends SIGKILL after GRACE_SECONDS. What the others
    lean on is stopped last, so that they can finish.
    """

    _ending = False

    def terminate(self) -> None:
        if not self._all_started():
            _later(0.1, self.terminate)
            return
        if self._ending:
            return
        self._ending = True
        _later(GRACE_SECONDS, self.kill)
        self._stop([name for name in self._processes if name not in LEANED_ON])
        threading.Thread(target=self._stop_what_is_leaned_on, daemon=True).start()

    def _stop_what_is_leaned_on(self) -> None:
        end = time.monotonic() + FRONT_SECONDS
        front = [process for name, process in self._processes.items() if name not in LEANED_ON]
        while any("returncode" not in process for process in front) and time.monotonic() < end:
            time.sleep(0.05)
        self._stop([name for name in self._processes if name in LEANED_ON])

    def _stop(self, names: list[str]) -> None:
        for name in names:
            process = self._processes[name]
            if "returncode" not in process:
                self._system_print(f"sending SIGTERM to {name} (pid {process['pid']})\n")
                self._procmgr.terminate(process["pid"])


def _later(seconds: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


def process_environment(place: Place) -> dict[str, str]:
    """What the processes of the Procfile find in their environment: `python` is this one, and nothing is buffered."""
    settings = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "HOST": place.host,
        "PORT": str(place.port),
        "ENGINE_PORT": str(place.engine_port or ""),
        "ENGINE_URL": place.engine_url,
        "REDIS_PORT": str(place.redis_port or ""),
        "REDIS_FOLDER": str(place.redis_folder),
        "MODEL_REPOSITORY": str(place.repository),
    }
    if place.redis_url:
        settings["REDIS_URL"] = place.redis_url
    return dict(os.environ) | settings


def interrupted(make_pid: int) -> bool:
    """True if `make` is gone, or got a SIGINT that it keeps to itself.

    A terminal's Ctrl-C reaches every process. `kill -INT` reaches make alone, and make then waits for its child
    without a word to it; on Linux its state shows that it sits in its SIGINT handler, where SIGINT is blocked.
    """
    if os.getppid() != make_pid:
        return True
    status = Path(f"/proc/{make_pid}/status")
    if not status.is_file():
        return False
    fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    return fields["Name"] in ("make", "gmake") and bool(int(fields["SigBlk"], 16) & 1 << (signal.SIGINT - 1))


def watch_parent(make_pid: int) -> None:
    """Turn what happens to the parent into a SIGTERM to this process."""
    while not interrupted(make_pid):
        time.sleep(WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def run(place: Place, procfile: Path = Path("Procfile")) -> int:
    """Run the Procfile's processes to their end; return the exit code."""
    supervisor = Supervisor(Printer(sys.stdout, colour=sys.stdout.isatty()))
    for name, command in parse_procfile(procfile.read_text()).processes.items():
        if name == "engine" and place.engine_port is None:
            print(f"ENGINE_URL={place.engine_url} is used; no embedded engine is started.", flush=True)
            continue
        if name == "redis" and place.redis_port is None:
            print("REDIS_URL is used; no embedded Redis is started.", flush=True)
            continue
        supervisor.add_process(name, command, env=process_environment(place))
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    threading.Thread(target=watch_parent, args=(os.getppid(),), daemon=True).start()
    supervisor.loop()
    if supervisor.returncode in STOPPED_BY_SIGNAL:
        print("stopped.", flush=True)
        return 0
    print("error: a process ended by itself, see above; the others have been stopped.", file=sys.stderr, flush=True)
    return 1


def main() -> None:
    try:
        place = read_place(os.environ)
        if place.engine_port is not None:
            make_models(place.repository)
        sys.exit(run(place))
    except CannotStart as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
