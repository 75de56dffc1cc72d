"""Secrets of the compose project: made once, readable where they are mounted, closed to others."""

from __future__ import annotations

import hashlib
import re
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
import redis

from deploy.place import CannotStart
from deploy.server_secrets import make_secrets
from service.embedded.redis_server import executable
from service.keys import Keyring, parse_keys
from tests.fakes.ports import free_port
from tests.fakes.waiting import until

FILES = {
    "redis_acl", "redis_url", "webhook_secret", "operator_key", "metrics_key", "grafana_password", "tls.crt", "tls.key"
}  # fmt: skip


def test_they_are_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert make_secrets(folder, "faces.example") != []
    first = {file.name: file.read_text() for file in folder.iterdir() if file.is_file()}
    assert set(first) == FILES
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.rglob("*") if file.is_file()} == {0o444}
    assert make_secrets(folder, "faces.example") == []
    assert first == {file.name: file.read_text() for file in folder.iterdir() if file.is_file()}


def test_two_servers_have_nothing_in_common(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_secrets(tmp_path / name, "localhost")
    assert not [
        name for name in FILES if (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()
    ]


def test_the_keys_open_what_they_shall(tmp_path: Path) -> None:
    make_secrets(tmp_path, "localhost")
    keyring = Keyring(parse_keys((tmp_path / "keys" / "api_keys").read_text()))
    operator = keyring.find((tmp_path / "operator_key").read_text().strip())
    metrics = keyring.find((tmp_path / "metrics_key").read_text())
    assert operator is not None
    assert metrics is not None
    assert "inpaint" in operator.scopes
    assert metrics.scopes == {"metrics"}


def test_redis_takes_the_rules_and_the_password(tmp_path: Path) -> None:
    """A real Redis under redis_acl: only the password opens it, and `health` can do nothing but ask."""
    make_secrets(tmp_path, "localhost")
    password = re.search(r":([^@/]+)@", (tmp_path / "redis_url").read_text())
    assert password is not None
    digest = hashlib.sha256(password[1].encode()).hexdigest()
    assert f"#{digest} " in (tmp_path / "redis_acl").read_text()

    port = free_port()
    program = executable()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--aclfile", tmp_path / "redis_acl", "--dir", tmp_path],
        stdout=subprocess.DEVNULL,
    )
    try:
        with redis.Redis(port=port, password=password[1]) as owner:
            until(lambda: answers(owner), "Redis")
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with redis.Redis(port=port, username="health", password="any") as health:
            assert health.ping()
            with pytest.raises(redis.ResponseError):
                health.get("x")
    finally:
        process.terminate()
        process.wait(20)


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_the_certificate_is_for_this_name(tmp_path: Path) -> None:
    make_secrets(tmp_path, "faces.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", tmp_path / "tls.crt"],
        capture_output=True,
        text=True,
    )
    assert "DNS:faces.example" in told.stdout


def test_without_openssl_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStart, match="openssl is missing"):
        make_secrets(tmp_path / "secrets", "localhost")


def test_a_certificate_of_the_operator_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tls.crt").write_text("mine")
    monkeypatch.setenv("PATH", str(tmp_path))
    make_secrets(tmp_path, "localhost")
    assert (tmp_path / "tls.crt").read_text() == "mine"
