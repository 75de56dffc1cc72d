"""What the Dockerfiles promise, as far as it can be seen without an engine. `make docker-test` builds and runs them."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_house import PROJECT, ROOT

DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
FINAL = {"service.Dockerfile": ["service"], "engine.Dockerfile": ["engine", "triton"]}
OLDEST_TRITON = (26, 3)  # earlier ones can leave a request of an ensemble stuck for ever


def stages(file: Path) -> dict[str, str]:
    """Name -> its instructions, continuation lines joined."""
    text = re.sub(r"\\\n\s*", " ", file.read_text())
    parts = re.split(r"^FROM \S+ AS (\w+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("file", [*DOCKERFILES, ROOT / "tests/docker/tools.Dockerfile"], ids=lambda file: file.name)
def test_the_linter_is_content(file: Path) -> None:
    linter = Path(sys.executable).parent / "hadolint"
    told = subprocess.run([linter, "--config", ROOT / ".hadolint.yaml", file], capture_output=True, text=True)
    assert told.stdout == ""
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("name", FINAL)
def test_what_is_shipped(name: str) -> None:
    """Labels, a user, exec forms, a signal and a health check; both builders take it."""
    text = (ROOT / "docker" / name).read_text()
    assert "RUN --mount" not in text
    for stage in FINAL[name]:
        final = stages(ROOT / "docker" / name)[stage]
        assert "RUN" not in final, "a shell would be needed"
        assert re.search(r"^USER 10001:10001$", final, re.M)
        assert f"ARG VERSION={PROJECT['version']}" in final
        for label in ("title", "description", "version", "revision", "licenses"):
            assert f"org.opencontainers.image.{label}=" in final
        for instruction in ("ENTRYPOINT", "CMD"):
            (form,) = re.findall(rf"^{instruction} (.*)$", final, re.M)
            assert json.loads(form), instruction
        (check,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", final, re.M)
        assert json.loads(check)
        assert "STOPSIGNAL SIGTERM" in final


def test_what_is_started_exists() -> None:
    for file in DOCKERFILES:
        for form in re.findall(r"(?:CMD|ENTRYPOINT) (\[.*\])$", file.read_text(), re.M):
            for module in re.findall(r"service[.\w]*", " ".join(json.loads(form))):
                assert importlib.util.find_spec(module) is not None, module


def test_triton_is_new_enough() -> None:
    found = re.search(r"tritonserver:(\d+)\.(\d+)-py3", (ROOT / "docker" / "engine.Dockerfile").read_text())
    assert found is not None
    assert (int(found[1]), int(found[2])) >= OLDEST_TRITON


def test_the_build_context_holds_no_secrets_and_no_weights_twice() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    assert not [line for line in lines if line.startswith("!") and ("var" in line or ".env" in line)]
    copied = {name for file in DOCKERFILES for name in re.findall(r"^COPY ([\w./*]+) ", file.read_text(), re.M)}
    allowed = {line.removeprefix("!").partition("/")[0] for line in lines if line.startswith("!")}
    assert {name.partition("/")[0] for name in copied} <= allowed
