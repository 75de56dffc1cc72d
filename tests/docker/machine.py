"""A Docker engine of the test's own, and the images that cannot be pulled: a base from Debian's archive, and tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.deploy.fetch_tools import FOLDER, fetch
from tests.fakes.waiting import until

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
BASE, BUILD, TOOLS = (f"face-inpainting-test-{name}:local" for name in ("base", "build", "tools"))
NEEDED = ("dockerd", "docker", "iptables", "debootstrap", "curl", "openssl")
STOP_SECONDS = 240
NOT_OF_AN_IMAGE = ("var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt")
BUILD_DOCKERFILE = """FROM {base}
COPY . /
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_FIND_LINKS=/opt/wheels PIP_DEFAULT_TIMEOUT=180
"""


class Missing(Exception):
    """What this machine lacks, in one line."""


class Machine:
    """`folder` keeps the engine's data, so that a second run builds less."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.environment = dict(os.environ) | {
            "DOCKER_HOST": f"unix://{self.folder}/docker.sock",
            "DOCKER_BUILDKIT": "0",
            "PATH": f"{FOLDER}{os.pathsep}{os.environ['PATH']}",
        }

    def check(self) -> None:
        """Raises Missing."""
        if os.geteuid() != 0:
            raise Missing("a Docker engine is started for this: be root")
        lacking = [name for name in NEEDED if shutil.which(name) is None]
        if lacking:
            raise Missing(f"install {', '.join(lacking)} (Debian: docker.io iptables debootstrap curl openssl)")

    def run(self, *command: str | Path, check: bool = True, **options: object) -> str:
        """Its output; what it says goes to the terminal when it fails."""
        done = subprocess.run(
            list(command),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            **options,  # type: ignore[call-overload]  # passed on
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return str(done.stdout)

    def answers(self) -> bool:
        return subprocess.run(["docker", "info"], env=self.environment, capture_output=True).returncode == 0

    def start(self) -> None:
        """In a session of its own, so that Ctrl-C ends the test first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.answers():
            return
        command = ["dockerd", "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"]
        command += ["--host", self.environment["DOCKER_HOST"], "--pidfile", f"{self.folder}/pid"]
        with (self.folder / "dockerd.log").open("ab") as log:
            subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until(self.answers, "the start of the Docker engine")

    def stop(self) -> None:
        pid = int((self.folder / "pid").read_text())
        os.kill(pid, 15)
        end = time.monotonic() + STOP_SECONDS
        while not ended(pid) and time.monotonic() < end:
            time.sleep(0.2)
        assert ended(pid), "the Docker engine does not stop"

    def has(self, image: str) -> bool:
        return bool(self.run("docker", "images", "--quiet", image).strip())

    def prepare(self) -> None:
        """docker-compose and the images of this test, unless they are there."""
        fetch("docker-compose")
        if not self.has(BASE):
            self.make_base()
        if not self.has(TOOLS):
            dockerfile = (ROOT / "tests/docker/tools.Dockerfile").read_text()
            arguments = ["--build-arg", f"BASE_IMAGE={BASE}", "--network", "host"]
            self.run("docker", "build", "--tag", TOOLS, *arguments, "-", input=dockerfile)
        if not self.has(BUILD):
            self.make_build_base()

    def make_base(self) -> None:
        """Debian's Python in a bare Debian."""
        folder = self.folder / "base"
        shutil.rmtree(folder, ignore_errors=True)
        packages = "--include=python3,python3-venv,ca-certificates"
        self.run("debootstrap", "--variant=minbase", packages, SUITE, folder)
        for name in NOT_OF_AN_IMAGE:
            shutil.rmtree(folder / name, ignore_errors=True)
        with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as packed:
            self.run("docker", "import", "-", BASE, stdin=packed.stdout)

    def make_build_base(self) -> None:
        """The base with this machine's certificates and folder of wheels: only builds see it."""
        context = self.folder / "build"
        shutil.rmtree(context, ignore_errors=True)
        certificates = context / "etc" / "ssl" / "certs" / "ca-certificates.crt"
        certificates.parent.mkdir(parents=True)
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", certificates)
        wheels = context / "opt" / "wheels"
        wheels.mkdir(parents=True)
        for wheel in Path(os.environ.get("PIP_FIND_LINKS", wheels)).glob("torch-*.whl"):
            shutil.copy(wheel, wheels)
        (context / "Dockerfile").write_text(BUILD_DOCKERFILE.format(base=BASE))
        self.run("docker", "build", "--tag", BUILD, context)


def ended(pid: int) -> bool:
    """Gone, or only waiting for its parent to hear of it."""
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" in status.read_text()
