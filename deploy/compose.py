"""`python -m deploy.compose up|down|secrets`: the service in containers on this machine, by docker-compose.yml.

`up` makes the secrets that are missing, builds the images, starts the profile `gpu` where Docker can hand out a GPU
and `cpu` elsewhere, waits until requests are answered, and prints the address and a request. `down` stops all of it;
the volumes stay. Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from deploy.place import CannotStart, read_dotenv
from deploy.server_secrets import make_secrets
from service import __version__
from service.version import version_line

ROOT = Path(__file__).resolve().parents[1]
PROFILES = ("cpu", "gpu", "edge", "observability")
MOUNTED = ("deploy/edge", "deploy/prometheus", "deploy/grafana")
READY_SECONDS = 600.0
LOOK_SECONDS = 1.0
ASK_SECONDS = 5.0
SAMPLES = "service/web/samples"


def compose_command() -> list[str]:
    """Docker's plug-in, else the program of that name. CannotStart if there is neither, or no engine answers."""
    if shutil.which("docker") is None:
        raise CannotStart("docker is missing. Install Docker with Compose 2.24 or newer.")
    if subprocess.run(["docker", "info"], capture_output=True).returncode != 0:
        raise CannotStart("Docker does not answer. Start it, or let this user reach it (docker info says why).")
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run([*command, "version"], capture_output=True).returncode == 0:
            return command
    raise CannotStart("Docker's Compose is missing. Install its plug-in, 2.24 or newer.")


def sees_gpu() -> bool:
    """Whether Docker can hand an NVIDIA GPU to a container."""
    told = subprocess.run(["docker", "info", "--format", "{{json .Runtimes}}"], capture_output=True, text=True)
    runtimes = json.loads(told.stdout or "{}") if told.returncode == 0 else {}
    listed = shutil.which("nvidia-smi") and subprocess.run(["nvidia-smi", "-L"], capture_output=True).returncode == 0
    return "nvidia" in runtimes and bool(listed)


def chosen_profiles(further: str, gpu: bool) -> list[str]:
    """The engine's profile, the edge, and what PROFILES names besides. CannotStart for a word that is none."""
    named = further.replace(",", " ").split()
    for name in named:
        if name not in PROFILES:
            raise CannotStart(f"PROFILES={further}: there is no profile {name}, only {', '.join(PROFILES)}.")
    engine = [] if {"cpu", "gpu"} & set(named) else ["gpu" if gpu else "cpu"]
    return list(dict.fromkeys([*engine, "edge", *named]))


def flags(profiles: list[str]) -> list[str]:
    return [part for name in profiles for part in ("--profile", name)]


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with .env below it and what this machine has below that."""
    cores = os.cpu_count() or 1
    own = {"ENGINE_CPUS": str(cores), "API_CPUS": str(min(2, cores)), "WORKER_CPUS": str(min(2, cores))}
    own |= {"VERSION": __version__, "REVISION": revision()}
    return own | read_dotenv(Path(".env")) | {name: value for name, value in environment.items() if value}


def revision() -> str:
    """The commit of this folder, for the images' labels; with what was changed since marked."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    told = subprocess.run(command, capture_output=True, text=True) if shutil.which("git") else None
    return told.stdout.strip() if told is not None and told.returncode == 0 else "unknown"


def up(environment: Mapping[str, str]) -> None:
    """CannotStart says what is wrong, in one line."""
    values = variables(environment)
    folder, port = secrets_folder(values), values.get("PORT", "8000")
    command = compose_command()
    profiles = chosen_profiles(values.get("PROFILES", ""), sees_gpu())
    secrets(environment)
    values |= fingerprints(folder)
    print(f"Starting with the profiles {', '.join(profiles)} ...", flush=True)
    started = subprocess.run([*command, *flags(profiles), "up", "--detach", "--build", "--remove-orphans"], env=values)
    if started.returncode != 0:
        raise CannotStart("Compose failed; its lines above say why.")
    url = f"http://127.0.0.1:{port}"
    wait_until_ready(url, " ".join(command))
    print(told(url, folder, values.get("TLS_PORT", "8443")), flush=True)


def fingerprints(secrets: Path) -> dict[str, str]:
    """What changes with the mounted files, so that Compose makes the containers anew that have read them once. Keys are
    read again by themselves."""
    files = [file for folder in MOUNTED for file in sorted((ROOT / folder).rglob("*")) if file.is_file()]
    made = [file for file in sorted(secrets.iterdir()) if file.is_file()]
    return {"FILES_FINGERPRINT": fingerprint(files), "SECRETS_FINGERPRINT": fingerprint(made)}


def fingerprint(files: list[Path]) -> str:
    """Of names and contents."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()[:16]


def secrets(environment: Mapping[str, str]) -> None:
    """Make those that are missing, and say which. CannotStart."""
    values = variables(environment)
    made = make_secrets(secrets_folder(values), values.get("SERVER_NAME", socket.gethostname()))
    if made:
        print(f"Made secrets in {secrets_folder(values)}: {', '.join(made)}.", flush=True)


def secrets_folder(values: Mapping[str, str]) -> Path:
    return Path(values.get("SECRETS_FOLDER", "var/secrets"))


def wait_until_ready(url: str, command: str) -> None:
    """Until /readyz says yes. CannotStart after READY_SECONDS."""
    end = time.monotonic() + READY_SECONDS
    while not is_ready(url):
        if time.monotonic() > end:
            raise CannotStart(f"{url}/readyz did not say yes in {READY_SECONDS:g} s; {command} logs says why.")
        time.sleep(LOOK_SECONDS)


def is_ready(url: str) -> bool:
    without_proxies = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with without_proxies.open(f"{url}/readyz", timeout=ASK_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def told(url: str, folder: Path, tls_port: str) -> str:
    """What `up` prints in the end."""
    return f"""Face inpainting answers on {url} (this machine) and https://{socket.gethostname()}:{tls_port}.
One request:

curl -H "Authorization: Bearer $(cat {folder}/operator_key)" \\
     -F image=@{SAMPLES}/astronaut.jpg -F mask=@{SAMPLES}/astronaut_mask.png \\
     -o completed.png {url}/inpaint
"""


def down(environment: Mapping[str, str]) -> None:
    """Stop and remove the containers and networks of every profile."""
    command = [*compose_command(), *flags(list(PROFILES)), "down", "--remove-orphans"]
    if subprocess.run(command, env=variables(environment)).returncode != 0:
        raise CannotStart("Compose failed; its lines above say why.")


ACTIONS = {"up": up, "down": down, "secrets": secrets}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.compose",
        description="Start or stop the service in containers on this machine. PROFILES names further profiles: "
        f"{', '.join(PROFILES)}. Settings come from the environment and the file .env.",
    )
    parser.add_argument("action", choices=list(ACTIONS))
    parser.add_argument("--version", action="version", version=version_line(parser.prog))
    action = parser.parse_args(arguments).action
    try:
        ACTIONS[action](os.environ)
    except CannotStart as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
