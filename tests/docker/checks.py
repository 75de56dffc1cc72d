"""What must be true of the containers while nobody breaks them. Each returns a line with what was seen."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import re
import ssl
import subprocess
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from tests.docker.machine import ROOT, Machine
from tests.docker.stack import OURS, PORT, TLS_PORT, URL, Stack, samples, wait_until
from tests.docker.wanted import wanted_packages
from tests.test_house import PROJECT, pins

PYTHON = "/opt/venv/bin/python"
SERVICE_IMAGE_MEGABYTES = 350
IMAGES = {"service": ("service", "otel"), "engine": ("engine",)}  # and the extras that are installed in them
NOT_SHIPPED = {f"setuptools=={pins()['setuptools']}"}  # torch names it; nothing that is run needs it
RECEIVER = "http://receiver:9000/hook"
CONNECT = """
import socket
try:
    socket.create_connection(("{host}", {port}), 3)
    print("open")
except OSError:
    print("closed")
"""
EDGE_PORTS = {PORT: ["127.0.0.1"], TLS_PORT: ["127.0.0.1"]}  # EDGE_ADDRESS of this test


def image_sizes(stack: Stack) -> str:
    sizes = {}
    for name in IMAGES:
        told = stack.machine.run(
            "docker", "image", "inspect", f"face-inpainting-{name}:{PROJECT['version']}", "--format", "{{.Size}}"
        )
        sizes[name] = int(told) / 1e6
    assert sizes["service"] < SERVICE_IMAGE_MEGABYTES, sizes
    return ", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items())


def installed_packages(machine: Machine) -> str:
    """Python's packages in each image: those of the extras, in the pinned versions, and no others."""
    counts = []
    for name, extras in IMAGES.items():
        python_version, found = packages_in(machine, f"face-inpainting-{name}:{PROJECT['version']}")
        wanted = wanted_packages(extras, python_version) - NOT_SHIPPED
        assert found == wanted, found ^ wanted
        counts.append(f"{name} {len(found)}")
    return ", ".join(counts)


def packages_in(machine: Machine, image: str) -> tuple[str, set[str]]:
    """Python's version, and name==version of its packages, without the project itself."""
    command = ("docker", "run", "--rm", "-i", "--network", "none", "--entrypoint", PYTHON, image, "-")
    parts = json.loads(machine.run(*command, input=(ROOT / "docker" / "packages.py").read_text()))["components"]
    (python,) = [one["version"] for one in parts if one["purl"].startswith("pkg:generic/python")]
    packages = [one for one in parts if one["purl"].startswith("pkg:pypi") and one["name"] != PROJECT["name"]]
    return python, {f"{one['name']}=={one['version'].partition('+')[0]}" for one in packages}


def users_and_roots(stack: Stack) -> str:
    """Nobody is root, no root can be written, no right is left, nothing of ours has a shell."""
    for container in stack.containers():
        name, host = stack.service_of(container), container["HostConfig"]
        if name == "receiver":
            continue  # the test's own
        assert int(container["Config"]["User"].split(":")[0]) > 0, name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name
    for service in OURS:
        assert stack.python(service, "import os; print(os.getuid())") == "10001"
        said = stack.python(
            service, "import errno\ntry: open('/app/x', 'w')\nexcept OSError as e: print(errno.errorcode[e.errno])"
        )
        assert said == "EROFS", said
        assert stack.python(service, "import os; print(os.path.exists('/bin/sh'))") == "False"
    return f"{len(stack.containers()) - 1} containers"


def open_ports(stack: Stack) -> str:
    """Only the edge is published."""
    published = {}
    for container in stack.containers():
        bound = container["NetworkSettings"]["Ports"] or {}
        hosts = {one["HostPort"]: [one["HostIp"]] for ports in bound.values() for one in ports or []}
        if hosts:
            published[stack.service_of(container)] = hosts
    assert published == {"edge": EDGE_PORTS}, published
    return f"edge on {', '.join(EDGE_PORTS)}"


def around_the_edge(stack: Stack) -> str:
    """Whoever is not on their networks reaches neither API nor engine nor Redis, by name or by address."""
    targets = {"api": 8000, "engine": 8001, "redis": 6379}
    for service, port in targets.items():
        networks = stack.containers(service)[0]["NetworkSettings"]["Networks"]
        for host in [service, *(one["IPAddress"] for one in networks.values())]:
            code = CONNECT.format(host=host, port=port)
            assert stack.exec("receiver", "python3", "-c", code).strip() == "closed", (service, host)
            if service != "api":
                reached = stack.exec(
                    "edge", "curl", "-s", "-m", "3", "-o", "/dev/null", f"telnet://{host}:{port}", check=False
                )
                assert not reached
    assert stack.python("webhooks", CONNECT.format(host="engine", port=8001)) == "closed"
    return "the receiver reaches none of api, engine, redis; webhooks do not reach the engine"


def at_the_edge(stack: Stack) -> str:
    """TLS by the certificate that was made; what the edge keeps to itself; the API's own words where it has them."""
    url = f"https://localhost:{TLS_PORT}"
    with httpx.Client(
        verify=ssl.create_default_context(cafile=str(stack.secrets / "tls.crt")), trust_env=False, timeout=60
    ) as client:
        assert client.get(f"{url}/livez").json() == {"status": "alive"}
        assert client.get(f"{url}/metrics", headers=stack.headers()).status_code == 404
        unknown = client.post(f"{url}/inpaint")
        assert unknown.status_code == 401, unknown.text
        form_type = {"Content-Type": "multipart/form-data; boundary=x"}
        large = client.post(f"{url}/inpaint", headers=stack.headers() | form_type, content=b"0" * 50_500_000)
        assert (large.status_code, large.headers["content-type"]) == (413, "application/problem+json"), large.text
        assert (
            client.post(f"{url}/inpaint", headers=stack.headers() | form_type, content=b"0" * 54_000_000).status_code
            == 413
        )
    return "TLS, 401, 404 for /metrics, 413 by the API and by the edge"


def readme_curl(stack: Stack) -> str:
    """README's own request, to the letter; the key comes from curl's configuration."""
    text = (ROOT / "README.md").read_text()
    found = re.search(r"## One request\n\n```sh\n(.*?)```", text, re.S)
    assert found is not None
    home = stack.machine.folder / "curl"
    home.mkdir(exist_ok=True)
    (home / ".curlrc").write_text(f'header = "Authorization: Bearer {stack.key()}"\nsilent\nshow-error\nfail\n')
    made = ROOT / "completed.png"
    try:
        environment = stack.environment | {"CURL_HOME": str(home)}
        subprocess.run(["sh", "-ec", found[1]], cwd=ROOT, env=environment, check=True, timeout=120)
        return compare(made.read_bytes())
    finally:
        made.unlink(missing_ok=True)


def compare(picture: bytes) -> str:
    """Nothing has changed outside the mask, something inside."""
    image, mask = samples()
    before, after = (
        np.asarray(Image.open(image).convert("RGB")),
        np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")),
    )
    hole = np.asarray(Image.open(mask).convert("L")) > 127
    assert (before[~hole] == after[~hole]).all()
    changed = float(np.abs(before[hole].astype(int) - after[hole]).mean())
    assert changed > 1
    return f"{len(picture)} bytes, equal outside the mask, inside by {changed:.1f} of 255 on average"


def form() -> dict[str, tuple[str, bytes]]:
    image, mask = samples()
    return {"image": (image.name, image.read_bytes()), "mask": (mask.name, mask.read_bytes())}


def job_with_webhook(stack: Stack) -> str:
    """A job is done by a worker, and a container hears of it, signed."""
    data = {"webhook_url": RECEIVER}
    sent = httpx.post(f"{URL}/jobs", headers=stack.headers(), files=form(), data=data, trust_env=False, timeout=60)
    assert sent.status_code == 202, sent.text
    job_id = sent.json()["id"]
    wait_until(lambda: stack.get(f"/jobs/{job_id}?wait=20").json()["state"] == "succeeded", "the job")
    compare(stack.get(f"/jobs/{job_id}/result").content)
    wait_until(lambda: job_id in stack.logs("receiver"), "the webhook")
    (line,) = [json.loads(line) for line in stack.logs("receiver").splitlines() if job_id in line]
    headers, secret = line["headers"], (stack.secrets / "webhook_secret").read_text().strip()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{line['body']}".encode()
    expected = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    return f"job {job_id[:8]}..., its webhook signed as promised"


def health_checks(stack: Stack) -> str:
    """Every container says that it is well."""
    wanted = {*OURS, "redis", "edge", "prometheus"}

    def well() -> bool:
        states = {stack.service_of(one): one["State"].get("Health", {}).get("Status") for one in stack.containers()}
        return all(states.get(name) == "healthy" for name in wanted)

    return f"after {wait_until(well, 'health'):.0f} s"


def scraped(stack: Stack) -> str:
    """Prometheus has every target, and the rules are loaded."""

    def up() -> bool:
        return {one["metric"]["job"]: one["value"][1] for one in stack.query("up")} == {"api": "1", "prometheus": "1"}

    wait_until(up, "scraping")
    assert stack.query("inpaint_build_info")
    wait_until(lambda: stack.query("inpaint:requests:rate5m"), "recording rules")
    return "api and prometheus; no target of Triton on a CPU"


def same_twice(machine: Machine, folder: Path) -> str:
    """The packages of the service's image are the same files when they are installed again."""
    lists = []
    for turn in ("first", "second"):
        tag = f"face-inpainting-test-{turn}:local"
        arguments = [
            "--no-cache",
            "--network",
            "host",
            "--build-arg",
            f"BUILD_IMAGE={machine.environment['BUILD_IMAGE']}",
        ]
        machine.run("docker", "build", "--tag", tag, *arguments, "--file", "docker/service.Dockerfile", ROOT)
        lists.append(
            machine.run("docker", "run", "--rm", "--network", "none", "--entrypoint", PYTHON, tag, "-c", LIST_FILES)
        )
    assert lists[0] == lists[1], sorted(set(lists[0].splitlines()) ^ set(lists[1].splitlines()))[:20]
    return f"{len(lists[0].splitlines())} files of two builds are equal"


LIST_FILES = """
import hashlib, os
for folder, folders, names in os.walk('/'):
    folders[:] = sorted(one for one in folders if os.path.join(folder, one) not in ('/proc', '/sys', '/dev'))
    for name in sorted(names):
        file = os.path.join(folder, name)
        if os.path.isfile(file) and not file.startswith(('/etc/host', '/etc/resolv', '/etc/mtab')):
            print(hashlib.sha256(open(file, 'rb').read()).hexdigest()[:16], file)
"""
