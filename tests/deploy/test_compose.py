"""The program that starts the compose project and stops it, by a docker that only listens."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from deploy import compose
from deploy.place import CannotStart
from deploy.server_secrets import make_secrets
from tests.fakes.engine import FakeEngine
from tests.fakes.server import running

ROOT = Path(__file__).parents[2]


def test_the_commit_is_of_the_folder_and_unknown_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    assert compose.revision() == "unknown"
    made = ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--allow-empty", "-m", "x"]
    for command in (["init", "--quiet"], made):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    assert re.fullmatch("[0-9a-f]{40}", compose.revision())
    monkeypatch.setenv("PATH", "")
    assert compose.revision() == "unknown"


def test_profiles_are_chosen_by_the_gpu_and_by_name() -> None:
    assert compose.chosen_profiles("", gpu=False) == ["cpu", "edge"]
    assert compose.chosen_profiles("observability", gpu=True) == ["gpu", "edge", "observability"]
    assert compose.chosen_profiles("cpu, observability", gpu=True) == ["edge", "cpu", "observability"]
    with pytest.raises(CannotStart, match="there is no profile monitoring"):
        compose.chosen_profiles("monitoring", gpu=False)


@pytest.mark.parametrize(
    ("runtimes", "listed", "seen"),
    [('{"nvidia":{},"runc":{}}', 0, True), ('{"runc":{}}', 0, False), ('{"nvidia":{}}', 9, False), ("", 0, False)],
)
def test_a_gpu_is_one_that_the_driver_lists_and_docker_hands_out(
    runtimes: str, listed: int, seen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"docker": f"echo '{runtimes}'; test -n '{runtimes}'", "nvidia-smi": f"exit {listed}"}
    for name, what in said.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{what}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert compose.sees_gpu() is seen


def test_up_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStart, match="docker is missing"):
        compose.compose_command()
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(CannotStart, match="Docker does not answer"):
        compose.compose_command()


def test_the_end_of_up_is_a_request_that_can_be_pasted(tmp_path: Path) -> None:
    told = compose.told("http://127.0.0.1:8000", tmp_path, "8443")
    assert f"$(cat {tmp_path}/operator_key)" in told
    for name in re.findall(r"@(\S+)", told):
        assert (ROOT / name).is_file() or "operator" in name


def test_the_printed_request_works(tmp_path: Path) -> None:
    """With the secrets of `make up`, against a service that knows them, and from this folder."""
    folder = tmp_path / "secrets"
    make_secrets(folder, "localhost")
    options = {"api_keys": (folder / "keys" / "api_keys").read_text()}
    with running(FakeEngine(), **options) as url:
        printed = compose.told(url, folder, "8443").partition("One request:")[2]
        assert "-o completed.png" in printed
        here = printed.replace("-o completed.png", f"-sS -f -o {tmp_path}/completed.png")
        environment = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
        subprocess.run(["sh", "-ec", here], cwd=ROOT, env=environment, check=True, timeout=60)
    assert (tmp_path / "completed.png").read_bytes().startswith(b"\x89PNG")


DOCKER = """#!/bin/sh
echo "$*" >> {log}
test "$1" != compose || test "$2" = version || echo "$SECRETS_FINGERPRINT" >> {log}.secrets
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker that says yes to everything; the file that holds what it was told."""
    log, program = tmp_path / "told", tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER.format(log=log))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return log


@contextmanager
def readyz(status: int) -> Iterator[str]:
    """The port of something that answers /readyz so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield str(server.server_port)
    server.shutdown()
    server.server_close()


def test_up_makes_secrets_starts_and_waits(docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with readyz(200) as port:
        compose.up({**os.environ, "PORT": port, "PROFILES": "observability"})
    told = docker.read_text().splitlines()
    assert "compose --profile cpu --profile edge --profile observability up --detach --build --remove-orphans" in told
    assert (Path("var/secrets") / "operator_key").is_file()
    secrets = Path(f"{docker}.secrets").read_text().split()
    assert secrets == [compose.fingerprints(Path("var/secrets"))["SECRETS_FINGERPRINT"]]
    said = capsys.readouterr().out
    assert "Made secrets in var/secrets: redis_url" in said
    assert f"http://127.0.0.1:{port}/inpaint" in said
    compose.down(dict(os.environ))
    assert docker.read_text().splitlines()[-1].endswith("down --remove-orphans")


def test_what_has_a_changed_file_mounted_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose looks at labels alone; a key that is added is no reason, for the API reads keys again by itself."""
    secrets = tmp_path / "secrets"
    make_secrets(secrets, "localhost")
    first = compose.fingerprints(secrets)
    (secrets / "keys" / "api_keys").chmod(0o644)
    (secrets / "keys" / "api_keys").write_text("another")
    assert compose.fingerprints(secrets) == first
    (secrets / "redis_url").unlink()
    make_secrets(secrets, "localhost")
    second = compose.fingerprints(secrets)
    assert second["SECRETS_FINGERPRINT"] != first["SECRETS_FINGERPRINT"]
    assert second["FILES_FINGERPRINT"] == first["FILES_FINGERPRINT"]
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    for folder in compose.MOUNTED:
        before = compose.fingerprints(secrets)
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_text("changed")
        assert compose.fingerprints(secrets)["FILES_FINGERPRINT"] != before["FILES_FINGERPRINT"]


def test_up_gives_up_with_a_line(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "READY_SECONDS", 0.5)
    with readyz(503) as port, pytest.raises(CannotStart, match="docker compose logs says why"):
        compose.up({**os.environ, "PORT": port})


@pytest.mark.parametrize("action", ["up", "down"])
def test_make_runs_it(action: str) -> None:
    recipe = (ROOT / "Makefile").read_text()
    assert f"-m deploy.compose {action}" in recipe
