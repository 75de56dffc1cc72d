"""The secrets of the compose project: made once into files, never printed, never a default.

The folder is closed to other users of the machine (0700). The files in it can be read by whoever gets one mounted, for
containers run under users that this machine does not know.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from deploy.place import CannotStart
from service.keys import USUAL_SCOPES, make_key

OPERATOR, METRICS = "operator", "prometheus"  # ids of the keys
REDIS_HOST = "redis:6379"
CERTIFICATE_DAYS = 825
SIGNING_BYTES = 32


def make_secrets(folder: Path, name: str) -> list[str]:
    """Make what is missing in `folder`; names of what was made. `name`: of this machine, for the certificate.
    CannotStart if openssl is needed and missing."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "keys").mkdir(exist_ok=True)
    makers: dict[str, Callable[[Path, str], None]] = {
        "redis_url": make_redis,
        "webhook_secret": make_webhook_secret,
        "keys/api_keys": make_keys,
        "grafana_password": make_grafana_password,
        "tls.crt": make_certificate,
    }
    made = [made for made in makers if not (folder / made).is_file()]
    for missing in made:
        makers[missing](folder, name)
    return made


def write(file: Path, text: str) -> None:
    """Whole or not at all: a start that breaks off leaves no half secret behind."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(0o444)
    beside.replace(file)


def make_redis(folder: Path, name: str) -> None:
    """A password, for the service within the URL, for Redis as a hash. The user `health` may ask whether it answers."""
    password = secrets.token_urlsafe(32)
    digest = hashlib.sha256(password.encode()).hexdigest()
    rules = f"user default on #{digest} ~* &* +@all\nuser health on nopass resetchannels -@all +ping\n"
    write(folder / "redis_acl", rules)
    write(folder / "redis_url", f"redis://:{password}@{REDIS_HOST}/0\n")


def make_webhook_secret(folder: Path, name: str) -> None:
    write(folder / "webhook_secret", f"whsec_{base64.b64encode(secrets.token_bytes(SIGNING_BYTES)).decode()}\n")


def make_keys(folder: Path, name: str) -> None:
    """The operator's key and that of Prometheus; further ones are added to keys/api_keys by hand."""
    operator, operator_entry = make_key(OPERATOR, frozenset(USUAL_SCOPES))
    metrics, metrics_entry = make_key(METRICS, frozenset({"metrics"}))
    write(folder / "operator_key", f"{operator}\n")
    write(folder / "metrics_key", metrics)
    write(folder / "keys" / "api_keys", f"{operator_entry}\n{metrics_entry}\n")


def make_grafana_password(folder: Path, name: str) -> None:
    write(folder / "grafana_password", secrets.token_urlsafe(24))


def make_certificate(folder: Path, name: str) -> None:
    """One that signs itself, until the operator puts a real one in its place. CannotStart without openssl."""
    if shutil.which("openssl") is None:
        raise CannotStart(
            f"openssl is missing. Install it, or put a certificate and its key into {folder}/tls.crt and tls.key."
        )
    key, certificate = folder / ".made.key", folder / ".made.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", str(CERTIFICATE_DAYS), "-subj", f"/CN={name}"]
    command += ["-addext", f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1"]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0:
        raise CannotStart(f"openssl could not make a certificate: {made.stderr.strip().splitlines()[-1]}")
    for file, place in ((key, folder / "tls.key"), (certificate, folder / "tls.crt")):
        write(place, file.read_text(encoding="utf-8"))
        file.unlink()
