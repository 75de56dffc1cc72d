"""Prometheus' rules by promtool, and every metric that rules and dashboard ask for against a running service."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.openapi import document
from service import errors
from service.jobs.tasks import run_once
from service.settings import Settings
from tests.deploy.fetch_tools import promtool
from tests.fakes.engine import FakeEngine
from tests.fakes.pictures import box_mask, png, scene
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings
from tests.service.api.conftest import form_files, framed, in_memory

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULES = [PROMETHEUS / "recording.yml", PROMETHEUS / "alerts.yml"]
RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text()
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "face-inpainting.json").read_text())


def read(file: Path) -> None:
    """The least that can be said of a file of Prometheus: it is YAML with a mapping."""
    assert isinstance(yaml.safe_load(file.read_text()), dict)


def by_promtool(*arguments: str) -> Callable[[Path], None]:
    def check(file: Path) -> None:
        told = subprocess.run([str(promtool()), *arguments, file], capture_output=True, text=True)
        assert told.returncode == 0, told.stdout + told.stderr

    return check


REAL = promtool() is not None
CHECKS = {name: {"read": read, **({"promtool": by_promtool(*arguments)} if REAL else {})} for name, arguments in {
    "rules": ("check", "rules"), "tests": ("test", "rules"), "config": ("check", "config")
}.items()}  # fmt: skip


def rules() -> list[dict[str, Any]]:
    return [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def expressions() -> dict[str, str]:
    """Where -> PromQL, of every rule, every panel and what Kubernetes scales by."""
    found = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()}
    for panel in DASHBOARD["panels"]:
        found |= {f"{panel['title']}, {target['refId']}": target["expr"] for target in panel.get("targets", [])}
    for file in sorted((DEPLOY / "kubernetes" / "base").glob("*.yaml")):
        for asked in re.findall(r"^ +query: (.+)$|metric: \{name: (\w+)\}", file.read_text(), re.M):
            found[f"{file.name}, scaling"] = "".join(asked)
    assert {"api.yaml, scaling", "worker.yaml, scaling"} <= found.keys()
    return found


@pytest.mark.parametrize("check", CHECKS["rules"])
@pytest.mark.parametrize("file", RULES, ids=lambda file: file.name)
def test_the_rules(file: Path, check: str) -> None:
    CHECKS["rules"][check](file)


@pytest.mark.parametrize("check", CHECKS["tests"])
def test_the_tests_of_the_rules(check: str) -> None:
    CHECKS["tests"][check](PROMETHEUS / "tests" / "alerts.yml")


@pytest.mark.parametrize("check", CHECKS["config"])
def test_the_configuration(check: str, tmp_path: Path) -> None:
    """As it stands, but for the places of files, which are those of the container."""
    text = (PROMETHEUS / "prometheus.yml").read_text().replace("/etc/face-inpainting", str(PROMETHEUS))
    (tmp_path / "key").write_text("key")
    (tmp_path / "prometheus.yml").write_text(text.replace("/run/secrets/metrics_key", str(tmp_path / "key")))
    CHECKS["config"][check](tmp_path / "prometheus.yml")


@pytest.mark.parametrize("check", CHECKS["rules"])
def test_every_panel_is_promql(check: str, tmp_path: Path) -> None:
    """promtool takes each as a rule."""
    made = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions().values())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": made}]}))
    CHECKS["rules"][check](tmp_path / "panels.yml")


@pytest.fixture
async def samples(tmp_path: Path) -> list[Any]:
    """What a service shows that has answered, refused and done a job: every family has its samples."""
    engine, files = FakeEngine(), framed(form_files(png(scene()), png(box_mask())))
    with RedisServer(tmp_path) as redis:
        async with in_memory(engine, redis_url=redis.url) as client:
            assert (await client.post("/inpaint", files=files)).status_code == 200
            assert (await client.post("/inpaint", content=b"")).status_code == 400
            job = (await client.post("/jobs", files=files)).json()
            await run_once(job["id"], settings(redis_url=redis.url), engine)
            text = (await client.get("/metrics")).text
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def labels_of(samples: list[Any]) -> dict[str, set[str]]:
    """Metric -> its labels, of what a service shows, of `up` and of what is recorded: what is grouped by."""
    found: dict[str, set[str]] = {"up": {"instance"}}
    for sample in samples:
        found.setdefault(sample.name, set()).update(sample.labels)
    for rule in rules():
        if "record" in rule:
            found[rule["record"]] = set(re.findall(r"\w+", " ".join(GROUPED.findall(rule["expr"])))) - {"le"}
    return found


GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)")
PICKED = re.compile(r"([\w:]+)\{([^}]*)\}")
CONDITION = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')


def metrics_in(expression: str) -> set[str]:
    bare = GROUPED.sub("", re.sub(r'"[^"]*"', "", expression))
    return set(re.findall(r"\b(?:inpaint|process)[\w:]*|\bup\b", bare))


async def test_every_query_asks_for_what_a_running_service_shows(samples: list[Any]) -> None:
    """Each metric has samples there, and the labels that are picked or grouped by."""
    labels = labels_of(samples)
    for where, expr in expressions().items():
        names = metrics_in(expr)
        assert names, where
        assert names <= labels.keys(), (where, names - labels.keys())
        for name, conditions in PICKED.findall(expr):
            assert {label for label, _ in CONDITION.findall(conditions)} <= labels[name] | OF_PROMETHEUS, (where, name)
        for grouped in GROUPED.findall(expr):
            known = set().union(*(labels[name] for name in names))
            assert set(re.findall(r"\w+", grouped)) <= known | OF_PROMETHEUS, (where, grouped)


OF_PROMETHEUS = {"job", "instance"}  # labels that Prometheus adds


async def test_every_value_that_is_picked_exists(samples: list[Any]) -> None:
    """Routes, states and outcomes; classes of HTTP's status are numbers."""
    seen = {
        label: {sample.labels.get(label, "") for sample in samples} for label in ("status", "outcome", "code", "queue")
    }
    seen["route"] = {*document()["paths"], "/livez", "/readyz", "/startupz", "/healthz", "/metrics"}
    picked = {pair for expr in expressions().values() for pair in CONDITION.findall(expr)} - {("job", "api")}
    assert {label for label, _ in picked} == {"route", "status", "status_class", "outcome", "code", "queue"}
    for label, pattern in picked:
        if not re.fullmatch(r"\d(\d\d|\.\.|xx)", pattern):
            front, _, names = pattern.rstrip(")").rpartition("(")
            assert {f"{front}{name}" for name in names.split("|")} <= seen[label], (label, pattern)


def test_seconds_are_told_of_everything_that_takes_a_picture() -> None:
    """Each such route is in the record of seconds that the alert and the dashboard ask for."""
    (rule,) = [rule for rule in rules() if rule.get("record") == "inpaint:request_seconds:p95_5m"]
    (routes,) = re.findall(r'route=~"([^"]*)"', rule["expr"])
    takes = {path for path, methods in document()["paths"].items() if "multipart/form-data" in str(methods.get("post"))}
    assert set(routes.split("|")) == takes - {"/jobs"}


async def test_scraping_alone_finds_a_dead_engine() -> None:
    """Nobody else may ask /readyz: the engine is looked at whenever the metrics are."""
    engine = FakeEngine()
    async with in_memory(engine) as client:
        assert 'inpaint_engine_ready{model="lafin"} 1.0' in (await client.get("/metrics")).text


def test_every_alert_has_its_lines_in_the_runbook() -> None:
    alerts = {rule["alert"]: rule for rule in rules() if "alert" in rule}
    sections = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", RUNBOOK, re.M | re.S))
    assert list(alerts) == list(sections)
    for name, rule in alerts.items():
        assert rule["annotations"]["runbook"] == f"deploy/RUNBOOK.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert all(word in sections[name] for word in ("**You see**", "**It means**", "**Do**")), name


def test_every_alert_is_tested() -> None:
    tested = (PROMETHEUS / "tests" / "alerts.yml").read_text()
    assert [rule["alert"] for rule in rules() if "alert" in rule and f"alertname: {rule['alert']}" not in tested] == []


def test_the_panels_go_from_left_to_right() -> None:
    """The steps of a request and of a job are numbered as they stand."""
    for row in (1, 17):
        panels = sorted((p["gridPos"]["x"], p["title"]) for p in DASHBOARD["panels"] if p["gridPos"]["y"] == row)
        assert [title.split()[0] for _, title in panels] == ["1", "2", "3", "4", "5", "6"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_dashboard_is_provisioned_with_its_data_source() -> None:
    folder = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    used = {target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])}
    assert used == {source["uid"]}
    (provider,) = yaml.safe_load((folder / "dashboards" / "face-inpainting.yml").read_text())["providers"]
    compose = (DEPLOY.parent / "docker-compose.yml").read_text()
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in compose


@pytest.mark.parametrize("code", sorted(set(re.findall(r"`([a-z]+_[a-z_]+)`", RUNBOOK))))
def test_codes_and_labels_of_the_runbook_exist(code: str) -> None:
    others = {"request_id", "jobs_detail", "delete_on_fetch", "redis_url", "redis_acl", "metrics_key"}
    codes = {
        one.code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.ServiceError)
    }
    assert code in codes | others or code.startswith("inpaint_")


def test_panels_and_variables_of_the_runbook_exist() -> None:
    titles = {panel["title"] for panel in DASHBOARD["panels"]}
    named = set(re.findall(r"\*(\d[^*]*)\*", RUNBOOK))
    assert "2 Is turned away" in named
    assert {name for name in named if len(name) > 1} <= titles
    variables = set(re.findall(r"`([A-Z][A-Z_]+)`", RUNBOOK)) | set(re.findall(r"([A-Z_]+)=\d", RUNBOOK))
    compose = set(re.findall(r"\$\{(\w+)", (DEPLOY.parent / "docker-compose.yml").read_text()))
    assert variables <= {name.upper() for name in Settings.model_fields} | compose
