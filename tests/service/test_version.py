from __future__ import annotations

import subprocess
import sys

import pytest

from service.version import service_version

PROGRAMS = (
    *("service", "service.worker", "service.keys", "service.embedded", "service.embedded.redis_server"),
    *("deploy.preflight", "deploy.models", "deploy.serve", "deploy.openapi"),
)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_every_program_says_what_it_is(program: str, option: str) -> None:
    done = subprocess.run([sys.executable, "-m", program, option], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    if option == "--version":
        assert done.stdout == f"python -m {program} {service_version()}\n"
    else:
        assert "usage" in done.stdout.lower()
        assert "--version" in done.stdout


@pytest.mark.parametrize("program", ["service", "deploy.serve"])
def test_no_argument_is_ignored(program: str) -> None:
    done = subprocess.run([sys.executable, "-m", program, "--prot=1"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--prot=1" in done.stderr
