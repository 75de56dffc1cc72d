"""docker-compose.yml, by the specification's schema and by the real docker-compose; and the program that runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema_rs
import pytest
import yaml

from deploy import compose
from deploy.place import CannotStart
from deploy.server_secrets import make_secrets
from service import health
from service.settings import Settings, load_settings
from tests.deploy.fetch_tools import compose as docker_compose
from tests.fakes.engine import FakeEngine
from tests.fakes.server import running
from tests.test_house import PROJECT

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
ALWAYS = {"api", "worker", "webhooks", "redis"}
PROFILES = {
    "": ALWAYS,
    "cpu": {*ALWAYS, "engine"},
    "gpu": {*ALWAYS, "triton"},
    "edge": {*ALWAYS, "edge"},
    "observability": {*ALWAYS, "prometheus", "grafana"},
}
REACHES = {  # who shares a network with what
    "redis": {"api", "worker", "webhooks"},
    "engine": {"api", "worker"},
    "api": {"worker", "webhooks", "redis", "engine", "triton", "edge", "prometheus", "grafana"},
}
LEFT_ALONE = {"api", "grafana", "prometheus"}  # of the network for metrics, on which Triton's counts are too


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets, as `make up` makes them."""
    made = tmp_path_factory.mktemp("secrets") / "secrets"
    make_secrets(made, "localhost")
    return made


def configured(folder: Path, *profiles: str, **variables: str) -> dict[str, Any]:
    """The model that docker-compose makes of the file."""
    command = [str(docker_compose()), "--env-file", "/dev/null"]
    command += [part for name in profiles for part in ("--profile", name)] + ["config", "--format", "json"]
    environment = {"PATH": os.environ["PATH"], "COMPOSE_FILE": str(FILE), "SECRETS_FOLDER": str(folder), **variables}
    told = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_the_file_keeps_to_the_specification() -> None:
    schema = files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    validator = jsonschema_rs.validator_for(json.loads(schema))
    assert [error.message for error in validator.iter_errors(yaml.safe_load(FILE.read_text()))] == []


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_what_docker_compose_takes(profile: str, folder: Path) -> None:
    model = configured(folder, *filter(None, [profile]))
    assert set(model["services"]) == PROFILES[profile]


def test_every_variable_has_a_default() -> None:
    """`${NAME:-...}` everywhere: a bare `${NAME}` would be empty without a word."""
    used = re.findall(r"\$\{(\w+)(:-)?", FILE.read_text())
    assert len(used) > 20
    assert [name for name, default in used if not default] == []


def test_images_are_of_this_version(folder: Path) -> None:
    """By the file alone, and by `make up`, which also labels them with the commit."""
    values = compose.variables({})
    assert values["VERSION"] == PROJECT["version"]
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", values["REVISION"])
    given = {name: values[name] for name in ("VERSION", "REVISION")}
    for variables, revision in (({}, "unknown"), (given, given["REVISION"])):
        for name, service in configured(folder, "cpu", "gpu", **variables)["services"].items():
            if "build" in service:
                assert service["image"].endswith(f":{PROJECT['version']}"), name
                assert service["build"]["args"]["VERSION"] == PROJECT["version"], name
                assert service["build"]["args"]["REVISION"] == revision, name


def test_the_commit_is_of_the_folder_and_unknown_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    assert compose.revision() == "unknown"
    made = ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--allow-empty", "-m", "x"]
    for command in (["init", "--quiet"], made):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    assert re.fullmatch("[0-9a-f]{40}", compose.revision())
    monkeypatch.setenv("PATH", "")
    assert compose.revision() == "unknown"


@pytest.fixture(scope="module")
def services(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = configured(folder, "cpu", "gpu", "edge", "observability")["services"]
    return found


def test_only_the_edge_is_published(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert list(published) == ["edge"]
    plain = next(port for port in published["edge"] if port["target"] == 8080)
    assert (plain["host_ip"], plain["published"]) == ("127.0.0.1", "8000")


def test_every_container_is_restricted(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert int(service["deploy"]["resources"]["limits"]["memory"]) > 0, name
        assert service["logging"]["options"]["max-size"], name


def test_every_container_says_whether_it_is_well(services: dict[str, Any]) -> None:
    """By a check of this file, or by that of its image."""
    checked = {name for name, service in services.items() if service.get("healthcheck", {}).get("test")}
    (of_triton,) = re.findall(r" AS triton\n(.*)", (ROOT / "docker" / "engine.Dockerfile").read_text(), re.S)
    assert "HEALTHCHECK" in of_triton
    assert services.keys() - checked == {"triton"}


def test_the_file_of_the_docker_test_fits(folder: Path) -> None:
    """`make docker-test` lays it over this one; it replaces what cannot be pulled, and restricts nothing less."""
    over = ROOT / "tests" / "docker" / "override.yml"
    model = configured(folder, "cpu", "edge", "observability", COMPOSE_FILE=f"{FILE}:{over}")
    assert set(model["services"]) == {*ALWAYS, "engine", "edge", "prometheus", "receiver"}
    for name, service in model["services"].items():
        assert service["image"].startswith("face-inpainting-"), f"{name}: no image can be pulled there"
        assert name == "receiver" or service["read_only"], name


def test_images_that_are_not_built_are_pinned(services: dict[str, Any]) -> None:
    pulled = {name: service["image"] for name, service in services.items() if name in REACHES or "build" not in service}
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in pulled.values()), pulled


@pytest.mark.parametrize("asked", REACHES)
def test_who_reaches_what(asked: str, services: dict[str, Any]) -> None:
    networks = set(services[asked]["networks"])
    reached_by = {name for name, service in services.items() if networks & set(service["networks"])} - {asked}
    assert reached_by - ({"triton"} if asked == "engine" else set()) == REACHES[asked]


def test_only_the_edge_and_the_webhooks_have_a_way_out(folder: Path) -> None:
    model = configured(folder, "cpu", "gpu", "edge", "observability")
    outside = {name for name, network in model["networks"].items() if not network.get("internal")}
    out = {name for name, service in model["services"].items() if outside & set(service["networks"])}
    assert out == {"edge", "webhooks"}


def test_grace_periods_are_longer_than_the_drain(services: dict[str, Any]) -> None:
    environment = services["api"]["environment"]
    assert seconds(services["api"]["stop_grace_period"]) > float(environment["DRAIN_SECONDS"]) + 5
    for name in ("worker", "webhooks"):
        assert seconds(services[name]["stop_grace_period"]) > float(environment["WORKER_GRACE_SECONDS"]) + 5


def seconds(text: str) -> float:
    minutes, rest = re.fullmatch(r"(?:(\d+)m)?(\d+)s", text).groups()  # type: ignore[union-attr]  # as docker-compose writes them
    return 60 * int(minutes or 0) + int(rest)


def test_the_settings_of_the_containers_are_settings(services: dict[str, Any]) -> None:
    """All of them are known, and secrets come from files that are mounted where they are looked for."""
    known = {name for setting in Settings.model_fields for name in (setting.upper(), f"{setting.upper()}_FILE")}
    for name in ("api", "worker", "webhooks"):
        environment = services[name]["environment"]
        assert set(environment) <= known
        mounted = {f"/run/secrets/{one['target'].removeprefix('/run/secrets/')}" for one in services[name]["secrets"]}
        mounted |= {f"{one['target']}/api_keys" for one in services[name]["volumes"]}
        assert {value for variable, value in environment.items() if variable.endswith("_FILE")} == mounted


def test_made_secrets_are_what_the_service_reads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL_FILE", str(folder / "redis_url"))
    monkeypatch.setenv("WEBHOOK_SECRET_FILE", str(folder / "webhook_secret"))
    monkeypatch.setenv("API_KEYS_FILE", str(folder / "keys" / "api_keys"))
    settings = load_settings(host="0.0.0.0")
    assert settings.redis_url.get_secret_value().endswith("@redis:6379/0")
    assert settings.webhook_secret is not None
    assert "operator:" in settings.api_keys.get_secret_value()


def test_profiles_are_chosen_by_the_gpu_and_by_name() -> None:
    assert compose.chosen_profiles("", gpu=False) == ["cpu", "edge"]
    assert compose.chosen_profiles("observability", gpu=True) == ["gpu", "edge", "observability"]
    assert compose.chosen_profiles("cpu, observability", gpu=True) == ["edge", "cpu", "observability"]
    with pytest.raises(CannotStart, match="there is no profile monitoring"):
        compose.chosen_profiles("monitoring", gpu=False)


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


def test_the_printed_request_works(folder: Path, tmp_path: Path) -> None:
    """With the secrets of `make up`, against a service that knows them, and from this folder."""
    options = {"api_keys": (folder / "keys" / "api_keys").read_text()}
    with running(FakeEngine(), **options) as url:
        printed = compose.told(url, folder, "8443").partition("One request:")[2]
        assert "-o completed.png" in printed
        here = printed.replace("-o completed.png", f"-sS -f -o {tmp_path}/completed.png")
        environment = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
        subprocess.run(["sh", "-ec", here], cwd=ROOT, env=environment, check=True, timeout=60)
    assert (tmp_path / "completed.png").read_bytes().startswith(b"\x89PNG")


HEALTH = {"api": "api", "worker": "inpaint", "webhooks": "webhooks", "engine": "engine"}


@pytest.mark.parametrize("name", HEALTH)
def test_health_checks_are_commands_of_the_image(name: str, services: dict[str, Any]) -> None:
    """tests/service/test_health.py runs them. What they may take is longer than a start of Python on a busy machine."""
    check = services[name]["healthcheck"]
    assert check["test"] == ["CMD", "/opt/venv/bin/python", "-m", "service.health", HEALTH[name]]
    assert {HEALTH[name]} <= health.PROGRAMS
    assert seconds(check["timeout"]) > health.ANSWER_SECONDS


DOCKER = """#!/bin/sh
echo "$*" >> {log}
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
    said = capsys.readouterr().out
    assert "Made secrets in var/secrets: redis_url" in said
    assert f"http://127.0.0.1:{port}/inpaint" in said
    compose.down(dict(os.environ))
    assert docker.read_text().splitlines()[-1].endswith("down --remove-orphans")


def test_up_gives_up_with_a_line(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "READY_SECONDS", 0.5)
    with readyz(503) as port, pytest.raises(CannotStart, match="docker compose logs says why"):
        compose.up({**os.environ, "PORT": port})


@pytest.mark.parametrize("action", ["up", "down"])
def test_make_runs_it(action: str) -> None:
    recipe = (ROOT / "Makefile").read_text()
    assert f"-m deploy.compose {action}" in recipe
