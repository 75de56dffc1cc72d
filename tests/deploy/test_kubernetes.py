"""The manifests as kustomize builds them, by the schemas of Kubernetes and of the operators whose kinds they use."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from functools import cache
from inspect import signature
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pydantic import BaseModel

from service import health
from service.embedded.__main__ import main as engine_program
from service.jobs import addresses
from service.settings import Settings
from tests.test_house import PROJECT

ROOT = Path(__file__).parents[2]
KUBECTL = Path(sys.executable).parent / "kubectl"
OVERLAYS = ("cpu", "gpu")
VERSION = "1.34"  # the oldest that has all fields in use: preStop.sleep
DOCUMENTS = ["Deployment", "StatefulSet"]
SECRETS = {"redis_url", "redis_acl", "webhook_secret", "api_keys", "metrics_key"}
REACHES = {"redis": {"api", "worker", "webhooks"}, "engine": {"api", "worker"}}


@cache
def custom() -> dict[str, type[BaseModel]]:
    """Kinds that Kubernetes itself does not know. Their models take two seconds to load, so not for collecting."""
    from cloudcoil.models.keda.v1alpha1 import ScaledObject
    from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor

    return {"ScaledObject": ScaledObject, "ServiceMonitor": ServiceMonitor, "PrometheusRule": PrometheusRule}


@cache
def built(overlay: str) -> tuple[dict[str, Any], ...]:
    """The documents of an overlay."""
    folder = ROOT / "deploy" / "kubernetes" / "overlays" / overlay
    told = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return tuple(yaml.safe_load_all(told.stdout))


def of(overlay: str, *kinds: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in built(overlay) if one["kind"] in kinds}


def pods(overlay: str) -> dict[str, dict[str, Any]]:
    """Name -> the pod's specification, of everything that runs."""
    return {name: one["spec"]["template"]["spec"] for name, one in of(overlay, *DOCUMENTS).items()}


def container(overlay: str, name: str) -> dict[str, Any]:
    (found,) = pods(overlay)[name]["containers"]
    return dict(found)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_schemas_take_every_document(overlay: str) -> None:
    for document in built(overlay):
        model = custom().get(document["kind"])
        if model is None:
            kubernetes_validate.validate(document, VERSION, strict=True)
        else:
            read = model.model_validate(document)
            assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == document, "an unknown field"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_wrong_field_is_seen(overlay: str) -> None:
    """The check above can fail."""
    (worker,) = of(overlay, "ScaledObject").values()
    wrong = worker | {"spec": worker["spec"] | {"minReplicas": 1}}
    read = custom()["ScaledObject"].model_validate(wrong)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) != wrong
    deployment = of(overlay, "Deployment")["api"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment | {"spec": deployment["spec"] | {"replica": 1}}, VERSION, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_restricted(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        security = container(overlay, name)["securityContext"]
        assert security["readOnlyRootFilesystem"], name
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert container(overlay, name)["resources"]["limits"]["memory"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_and_disruptions(overlay: str) -> None:
    for name in pods(overlay):
        probes = {"startupProbe", "readinessProbe", "livenessProbe"}
        assert probes <= container(overlay, name).keys(), name
        assert all("initialDelaySeconds" not in container(overlay, name)[probe] for probe in probes), "it has a start"
        if name != "redis":  # one with a disk: it is moved with a pause
            assert of(overlay, "PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1
            assert len(pods(overlay)[name]["topologySpreadConstraints"]) == 2


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workers_are_asked_by_the_health_checks_of_their_queue(overlay: str) -> None:
    for name, queue in (("worker", "inpaint"), ("webhooks", "webhooks")):
        found = container(overlay, name)
        assert found["args"] == ["service.worker", queue]
        for probe in (found[one] for one in ("startupProbe", "readinessProbe", "livenessProbe")):
            assert probe["exec"]["command"] == ["/opt/venv/bin/python", "-m", "service.health", queue]
            assert queue in health.PROGRAMS
            assert probe["timeoutSeconds"] > health.ANSWER_SECONDS


def test_triton_may_run_where_only_gpus_are_used() -> None:
    """Nodes with a GPU are commonly marked so that nothing else runs there."""
    assert container("gpu", "engine")["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert pods("gpu")["engine"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_grace_periods_fit_the_drain(overlay: str) -> None:
    settings = settings_of(overlay)
    waits = {"api": float(settings["DRAIN_SECONDS"]), "worker": float(settings["WORKER_GRACE_SECONDS"])}
    waits |= {"webhooks": waits["worker"], "engine": engine_waits_seconds()[overlay]}
    for name, seconds in waits.items():
        before = container(overlay, name).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pods(overlay)[name]["terminationGracePeriodSeconds"] >= before + seconds + 5, name


def engine_waits_seconds() -> dict[str, float]:
    """How long a stop lets work go on: the embedded engine's default, and what Triton's image is told."""
    (triton,) = re.findall(r"--exit-timeout-secs=(\d+)", (ROOT / "docker" / "engine.Dockerfile").read_text())
    return {"cpu": signature(engine_program).parameters["grace_seconds"].default, "gpu": float(triton)}


def settings_of(overlay: str) -> dict[str, str]:
    (found,) = of(overlay, "ConfigMap").values()
    return dict(found["data"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_are_settings_and_the_start_is_waited_for(overlay: str) -> None:
    known = {name for setting in Settings.model_fields for name in (setting.upper(), f"{setting.upper()}_FILE")}
    settings = settings_of(overlay)
    assert settings.keys() <= known
    startup = container(overlay, "api")["startupProbe"]
    patience = startup["periodSeconds"] * startup["failureThreshold"]
    assert patience > Settings.model_fields["engine_start_seconds"].default
    mounted = {f"/run/inpaint/{item['path']}" for item in pods(overlay)["api"]["volumes"][0]["secret"]["items"]}
    assert {value for name, value in settings.items() if name.endswith("_FILE")} == mounted


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_those_that_are_made(overlay: str) -> None:
    asked = {item["key"] for pod in pods(overlay).values() for volume in pod.get("volumes", [])
             if "secret" in volume for item in volume["secret"]["items"]}  # fmt: skip
    asked |= {
        endpoint["authorization"]["credentials"]["key"]
        for monitor in of(overlay, "ServiceMonitor").values()
        for endpoint in monitor["spec"]["endpoints"]
        if "authorization" in endpoint
    }
    assert asked == SECRETS
    text = (ROOT / "deploy" / "README.md").read_text()
    assert all(f"/{name}" in text for name in SECRETS), "the operator is told to put them there"


def test_the_commands_that_are_shown_make_the_secrets(tmp_path: Path) -> None:
    """By a kubectl that only says what it would create."""
    text = (ROOT / "deploy" / "README.md").read_text()
    (shown,) = re.findall(r"```sh\n(python -m deploy\.compose secrets.*?)```", text, re.S)
    kubectl = f'kubectl() {{ case "$*" in *"create secret"*) {KUBECTL} "$@" --dry-run=client -o json ;; esac; }}\n'
    environment = {"PATH": f"{KUBECTL.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = ["sh", "-ec", kubectl + shown]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    generic, tls = json.loads(f"[{told.partition('{')[1]}{told.partition('{')[2]}]".replace("}\n{", "},{"))
    assert generic["data"].keys() == SECRETS
    assert all(base64.b64decode(value) for value in generic["data"].values())
    assert (tls["type"], tls["metadata"]["name"]) == ("kubernetes.io/tls", "face-inpainting-tls")
    assert {one["secretName"] for one in of("cpu", "Ingress")["api"]["spec"]["tls"]} == {tls["metadata"]["name"]}
    assert f"apply -k deploy/kubernetes/overlays/{OVERLAYS[0]}" in shown


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("asked", REACHES)
def test_who_reaches_what(asked: str, overlay: str) -> None:
    policies = of(overlay, "NetworkPolicy")
    assert policies["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    peers = [peer for rule in policies[asked]["spec"]["ingress"] for peer in rule["from"] if "podSelector" in peer]
    assert {peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in peers} == REACHES[asked]
    for name in REACHES[asked]:
        egress = [peer for rule in policies[name]["spec"]["egress"] for peer in rule["to"]]
        assert {"podSelector": {"matchLabels": {"app.kubernetes.io/component": asked}}} in egress


def test_webhooks_reach_every_receiver_that_the_service_takes_and_no_other() -> None:
    """Any port: the service takes a URL with one, so the network must not lose its calls."""
    *_, rule = of("cpu", "NetworkPolicy")["webhooks"]["spec"]["egress"]
    assert rule["ports"] == [{"protocol": "TCP"}]
    blocks = {peer["ipBlock"]["cidr"]: {*map(ip_network, peer["ipBlock"]["except"])} for peer in rule["to"]}
    assert blocks == {"0.0.0.0/0": set(addresses.NOT_PUBLIC_4), str(addresses.PUBLIC_6): set(addresses.NOT_PUBLIC_6)}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_the_pods(overlay: str) -> None:
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in of(overlay, *DOCUMENTS).values()]
    for name, service in of(overlay, "Service").items():
        found = [label for label in labels if service["spec"]["selector"].items() <= label.items()]
        assert len(found) == (0 if name == "nobody" else 1), name
    assert of(overlay, "Service")["engine"]["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_are_of_this_version(overlay: str) -> None:
    images = [container(overlay, name)["image"] for name in pods(overlay)]
    assert {image.rpartition(":")[2] for image in images if "face-inpainting" in image} == {PROJECT["version"]}
    assert all(":" in image for image in images)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_scaled_leaves_its_replicas_to_the_scaler(overlay: str) -> None:
    targets = {
        one["spec"]["scaleTargetRef"]["name"] for one in of(overlay, "HorizontalPodAutoscaler", "ScaledObject").values()
    }
    assert targets == {"api", "worker"} | ({"engine"} if overlay == "gpu" else set())
    for name, deployment in of(overlay, "Deployment").items():
        assert ("replicas" in deployment["spec"]) == (name not in targets), name
