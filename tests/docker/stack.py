"""The compose project under test: up and down by `make`'s own program, and what can be asked of its containers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.docker.machine import BUILD, ROOT, Machine

PROJECT = "face-inpainting-test"
PORT, TLS_PORT = "8000", "8443"
URL = f"http://127.0.0.1:{PORT}"
PATIENCE_SECONDS = 600.0
OURS = ("api", "worker", "webhooks", "engine")


class Stack:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.secrets = machine.folder / "secrets"
        self.environment = machine.environment | {
            "COMPOSE_FILE": "docker-compose.yml:tests/docker/override.yml",
            "COMPOSE_PROJECT_NAME": PROJECT,
            "SECRETS_FOLDER": str(self.secrets),
            "BUILD_IMAGE": BUILD,
            "PROFILES": "cpu observability",
            "PORT": PORT,
            "TLS_PORT": TLS_PORT,
            "EDGE_ADDRESS": "127.0.0.1",
            "WORKERS": "2",
            "SERVER_NAME": "localhost",
        }
        machine.environment = self.environment

    def deploy(self, action: str) -> str:
        """What `make up` and `make down` run."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.compose", action],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{action}:\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def key(self) -> str:
        return (self.secrets / "operator_key").read_text().strip()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key()}"}

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{URL}{path}", headers=self.headers(), trust_env=False, timeout=90)

    def containers(self, service: str = "", *, stopped: bool = False) -> list[dict[str, Any]]:
        """`docker inspect` of the project's containers, or those of one service."""
        labels = [f"label=com.docker.compose.project={PROJECT}"]
        labels += [f"label=com.docker.compose.service={service}"] if service else []
        filters = [part for label in labels for part in ("--filter", label)]
        ids = self.machine.run("docker", "ps", "--quiet", *(["--all"] if stopped else []), *filters).split()
        found: list[dict[str, Any]] = json.loads(self.machine.run("docker", "inspect", *ids)) if ids else []
        return found

    def service_of(self, container: dict[str, Any]) -> str:
        return str(container["Config"]["Labels"]["com.docker.compose.service"])

    def exec(self, service: str, *command: str, check: bool = True) -> str:
        container = self.containers(service)[0]["Id"]
        return self.machine.run("docker", "exec", container, *command, check=check)

    def python(self, service: str, code: str) -> str:
        """What Python code prints in a container of ours; it has no shell."""
        return self.exec(service, "/opt/venv/bin/python", "-c", code).strip()

    def kill(self, service: str) -> None:
        """kill -9 of the container's process, from outside: Docker takes it for a crash."""
        os.kill(self.containers(service)[0]["State"]["Pid"], signal.SIGKILL)

    def logs(self, service: str) -> str:
        return self.machine.run("docker", "logs", self.containers(service)[0]["Id"])

    def is_whole(self) -> bool:
        """Every container runs, /readyz says yes, and somebody works on jobs."""
        running = {self.service_of(container) for container in self.containers()}
        wanted = {*OURS, "redis", "edge", "prometheus", "receiver"}
        if running != wanted or len(self.containers("worker")) != 2:
            return False
        try:
            answer = self.get("/readyz")
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and answer.json()["jobs"] == "ready"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers, asked within its container."""
        told = self.exec(
            "prometheus", "curl", "-sG", "127.0.0.1:9090/api/v1/query", "--data-urlencode", f"query={expression}"
        )
        result: list[dict[str, Any]] = json.loads(told)["data"]["result"]
        return result


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Seconds that it took. AssertionError after `seconds`."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() < begin + seconds, f"{what}: not within {seconds:g} s"
        time.sleep(0.5)
    return time.monotonic() - begin


def samples() -> tuple[Path, Path]:
    folder = ROOT / "service" / "web" / "samples"
    return folder / "astronaut.jpg", folder / "astronaut_mask.png"
