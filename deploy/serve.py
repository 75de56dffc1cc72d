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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from deploy.arguments import refuse_arguments
from deploy.models import make_models
from deploy.place import CannotStart, Place, read_place
from service.settings import BadSettings, load_settings

LEANED_ON = ("redis", "engine")
LAST_WORD_SECONDS = 5.0  # beyond the draining: the API tells who waited, a worker hands its job back
CLOSING_SECONDS = 5.0  # for Redis and the engine, when nobody needs them any more
LOOK_SECONDS = 0.05
WATCH_SECONDS = 0.5
STOPPED_BY_SIGNAL = {130, 143}  # honcho's codes for SIGINT and SIGTERM


class Supervisor(Manager):
    """honcho's manager, with an end that is certain and in order.

    honcho's own fails on a signal that comes before every process has started, kills whatever still works five seconds
    after the first end, and does so ten times a second. Here what answers and works has the `drain_seconds` that it is
    told too; then what it leans on is stopped. What outstays its time is killed, once.
    """

    def __init__(self, printer: Printer, drain_seconds: float) -> None:
        super().__init__(printer)
        self._front_seconds = drain_seconds + LAST_WORD_SECONDS
        self._ending = threading.Lock()

    def terminate(self) -> None:
        if not self._all_started():
            _later(0.1, self.terminate)
        elif self._ending.acquire(blocking=False):
            threading.Thread(target=self._end_in_order, daemon=True).start()

    def kill(self) -> None:
        """What honcho's loop asks for again and again; `_end_in_order` alone decides."""

    def _end_in_order(self) -> None:
        self._end([name for name in self._processes if name not in LEANED_ON], self._front_seconds)
        self._end([name for name in self._processes if name in LEANED_ON], CLOSING_SECONDS)

    def _end(self, names: list[str], seconds: float) -> None:
        for process in self._running(names, "SIGTERM"):
            self._procmgr.terminate(process["pid"])
        end = time.monotonic() + seconds
        while any("returncode" not in self._processes[name] for name in names) and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
        for process in self._running(names, "SIGKILL"):
            self._procmgr.kill(process["pid"])

    def _running(self, names: list[str], signal_name: str) -> Iterator[dict[str, Any]]:
        """Those of `names` that run, each after a line that says what it is sent."""
        for name in names:
            process = self._processes[name]
            if "returncode" not in process:
                self._system_print(f"sending {signal_name} to {name} (pid {process['pid']})\n")
                yield process


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
        "WORKER_GRACE_SECONDS": f"{place.worker_grace_seconds:g}",
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
    supervisor = Supervisor(Printer(sys.stdout, colour=sys.stdout.isatty()), place.drain_seconds)
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
    refuse_arguments("deploy.serve", "Make stale models, then run the processes of the Procfile until told to stop.")
    try:
        place = read_place(os.environ)
        load_settings()
        if place.engine_port is not None:
            make_models(place.repository)
        sys.exit(run(place))
    except (CannotStart, BadSettings) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
