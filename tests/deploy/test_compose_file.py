"""docker-compose.yml, by the specification's schema and by the real docker-compose."""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from deploy import compose
from deploy.server_secrets import make_secrets
from service import health
from service.settings import Settings, load_settings
from tests.deploy.fetch_tools import compose as docker_compose
from tests.deploy.test_kubernetes import engine_waits_seconds
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
    "triton": {"api", "worker", "prometheus", "grafana"},  # the last two by the network for metrics
    "api": {"worker", "webhooks", "redis", "edge", "prometheus", "grafana"},  # and the engine
}
ENGINES = {"engine", "triton"}  # two profiles: one of them runs


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


def test_changed_files_change_the_containers_that_have_them(folder: Path) -> None:
    given = {"SECRETS_FINGERPRINT": "5ec", "FILES_FINGERPRINT": "f17e"}
    for name, service in configured(folder, "cpu", "gpu", "edge", "observability", **given)["services"].items():
        labels = service.get("labels", {})
        mounted = [volume["source"] for volume in service.get("volumes", []) if volume["type"] == "bind"]
        ours = {part for part in compose.MOUNTED for source in mounted if source.startswith(str(ROOT / part))}
        assert (labels.get("face-inpainting.secrets") == "5ec") == bool(service.get("secrets")), name
        assert (labels.get("face-inpainting.files") == "f17e") == bool(ours), name


def test_images_that_are_not_built_are_pinned(services: dict[str, Any]) -> None:
    pulled = {name: service["image"] for name, service in services.items() if name in REACHES or "build" not in service}
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in pulled.values()), pulled


@pytest.mark.parametrize("asked", REACHES)
def test_who_reaches_what(asked: str, services: dict[str, Any]) -> None:
    networks = set(services[asked]["networks"])
    reached_by = {name for name, service in services.items() if networks & set(service["networks"])} - {asked}
    assert reached_by - ENGINES == REACHES[asked]


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
    for name, waits in (("engine", "cpu"), ("triton", "gpu")):
        assert seconds(services[name]["stop_grace_period"]) > engine_waits_seconds()[waits] + 5


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


HEALTH = {"api": "api", "worker": "inpaint", "webhooks": "webhooks", "engine": "engine"}


@pytest.mark.parametrize("name", HEALTH)
def test_health_checks_are_commands_of_the_image(name: str, services: dict[str, Any]) -> None:
    """tests/service/test_health.py runs them. What they may take is longer than a start of Python on a busy machine."""
    check = services[name]["healthcheck"]
    assert check["test"] == ["CMD", "/opt/venv/bin/python", "-m", "service.health", HEALTH[name]]
    assert {HEALTH[name]} <= health.PROGRAMS
    assert seconds(check["timeout"]) > health.ANSWER_SECONDS
