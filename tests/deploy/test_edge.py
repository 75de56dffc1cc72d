"""The reverse proxy's configuration: its limits against those of the API, and a real nginx over a running service."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
import yaml

from deploy.server_secrets import make_secrets
from service.settings import Settings
from tests.fakes.ports import free_port
from tests.fakes.waiting import until
from tests.service.proxies.fetch_nginx import program
from tests.service.proxies.serving import answers, stand_in

EDGE = Path(__file__).parents[2] / "deploy" / "edge"
TEXT = (EDGE / "nginx.conf").read_text() + (EDGE / "locations.conf").read_text()


def default(name: str) -> float:
    return float(Settings.model_fields[name].default)


def limit(name: str) -> float:
    """A limit of the configuration, in seconds or bytes."""
    found = re.search(rf"^\s*{name} (\d+)([sm]);", TEXT, re.M)
    assert found is not None, name
    return int(found[1]) * {"s": 1, "m": 2**20}[found[2]]


def test_its_limits_lie_just_outside_those_of_the_api() -> None:
    """So that the API's own answer is heard, and nobody waits much longer than for it."""
    pairs = {
        "client_max_body_size": default("max_body_bytes"),
        "client_body_timeout": default("upload_timeout_seconds"),
        "proxy_read_timeout": max(default("request_deadline_seconds"), default("jobs_max_wait_seconds")),
        "send_timeout": default("download_timeout_seconds"),
    }
    for name, inner in pairs.items():
        assert inner < limit(name) <= 1.3 * inner, name


def test_the_ingress_has_the_same_limits() -> None:
    annotations = yaml.safe_load_all((EDGE.parent / "kubernetes" / "base" / "ingress.yaml").read_text())
    given = {name.rpartition("/")[2]: value for name, value in next(annotations)["metadata"]["annotations"].items()}
    assert given.pop("proxy-next-upstream") == "off"
    names = {name: name.replace("-", "_") for name in given}
    names["proxy-body-size"] = "client_max_body_size"
    for name, value in given.items():
        (own,) = re.findall(rf"^\s*{names[name]} (\w+?)s?;", TEXT, re.M)
        assert value == own, name


def test_what_a_client_says_of_itself_is_not_handed_on() -> None:
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in TEXT
    assert "$proxy_add_x_forwarded_for" not in TEXT


@contextmanager
def edge(upstream: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The plain and the TLS address of a real nginx with the configuration, its places moved to `folder`."""
    make_secrets(folder / "secrets", "localhost")
    plain, tls = free_port(), free_port()
    moved = {
        "/tmp/": f"{folder}/",
        "/etc/edge": str(folder),
        "/run/secrets/tls_certificate": f"{folder}/secrets/tls.crt",
        "/run/secrets/tls_key": f"{folder}/secrets/tls.key",
        "listen 8080": f"listen 127.0.0.1:{plain}",
        "listen 8443": f"listen 127.0.0.1:{tls}",
        "http://api:8000": upstream,
        "worker_processes auto;": "worker_processes 1; daemon off; master_process off;",
    }
    for name in ("nginx.conf", "locations.conf"):
        text = (EDGE / name).read_text()
        for before, after in moved.items():
            text = text.replace(before, after)
        (folder / name).write_text(text)
    process = subprocess.Popen([str(program()), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"])
    try:
        until(lambda: answers(f"http://127.0.0.1:{plain}"), "nginx")
        yield f"http://127.0.0.1:{plain}", f"https://localhost:{tls}"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def stood_in(upstream: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The proxy of the other tests, where there is no nginx: the service under test is reached all the same."""
    with stand_in(upstream, True) as url:
        yield url, url


EDGES = {"nginx": edge} if program() else {"stand-in": stood_in}


@pytest.mark.parametrize("name", EDGES)
def test_through_it(name: str, tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    class Upstream(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers.items()))
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_POST = do_GET  # the names that the library calls

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with EDGES[name](f"http://127.0.0.1:{server.server_port}", tmp_path) as (plain, tls):
            made = tmp_path / "secrets" / "tls.crt"
            verify = ssl.create_default_context(cafile=str(made) if made.is_file() else None)
            with httpx.Client(verify=verify, trust_env=False, timeout=60) as client:
                claimed = {"X-Forwarded-For": "6.6.6.6"}
                assert client.get(f"{tls}/limits", headers=claimed).text == "ok"
                if name == "nginx":
                    assert seen[-1]["X-Forwarded-For"] == "127.0.0.1"
                    assert seen[-1]["X-Forwarded-Proto"] == "https"
                    assert client.get(f"{plain}/metrics").status_code == 404
                    assert client.post(f"{plain}/inpaint", content=b"0" * 51_000_000).text == "ok"
                    assert client.post(f"{plain}/inpaint", content=b"0" * 54_000_000).status_code == 413
    finally:
        server.shutdown()
        server.server_close()
