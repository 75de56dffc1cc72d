"""`make docker-test`: builds the images, brings the compose project up, looks at it, breaks it, takes it down.

About ten minutes, as root, on a Debian machine: it starts a Docker engine of its own in DOCKER_TEST_FOLDER
(var/docker-test), makes a base image from Debian's archive, and replaces public images by Debian packages
(tests/docker/override.yml). Run it by hand before a release; a line for each thing that was seen.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.docker import breaking, checks
from tests.docker.machine import Machine, Missing
from tests.docker.stack import Stack


def steps(stack: Stack) -> dict[str, Callable[[], str]]:
    """What is looked at, in order."""
    return {
        "up": lambda: next(line for line in stack.deploy("up").splitlines() if line.startswith("Face inpainting")),
        "health checks": lambda: checks.health_checks(stack),
        "image sizes": lambda: checks.image_sizes(stack),
        "packages": lambda: checks.installed_packages(stack.machine),
        "users and roots": lambda: checks.users_and_roots(stack),
        "open ports": lambda: checks.open_ports(stack),
        "around the edge": lambda: checks.around_the_edge(stack),
        "at the edge": lambda: checks.at_the_edge(stack),
        "README's curl": lambda: checks.readme_curl(stack),
        "job and webhook": lambda: checks.job_with_webhook(stack),
        "Prometheus": lambda: checks.scraped(stack),
        "kill -9 engine": lambda: breaking.killed(stack, "engine"),
        "kill -9 redis": lambda: breaking.killed(stack, "redis"),
        "kill -9 worker": lambda: breaking.killed(stack, "worker"),
        "alert": lambda: breaking.dead_engine_alert(stack),
        "Docker restarts": lambda: breaking.restarted_daemon(stack),
        "stop": lambda: breaking.stopped_in_time(stack),
        "down": lambda: breaking.nothing_left(stack),
        "two builds": lambda: checks.same_twice(stack.machine, stack.machine.folder),
    }


def main() -> None:
    machine = Machine(Path(os.environ.get("DOCKER_TEST_FOLDER", "var/docker-test")))
    try:
        machine.check()
    except Missing as error:
        sys.exit(f"docker-test: {error}")
    machine.start()
    try:
        machine.prepare()
        stack = Stack(machine)
        for name, look in steps(stack).items():
            begin = time.monotonic()
            said = look()
            print(f"ok  {name:16} {time.monotonic() - begin:5.0f} s  {said}", flush=True)
    finally:
        machine.stop()
    print("all passed", flush=True)


if __name__ == "__main__":
    main()
