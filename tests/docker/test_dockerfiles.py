"""What the Dockerfiles promise, as far as it can be seen without an engine. `make docker-test` builds and runs them."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
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


@pytest.mark.parametrize("name", FINAL)
def test_what_is_copied_is_enough(name: str, tmp_path: Path) -> None:
    """The programs of an image load without the folders that it leaves out, in a process that sees nothing else."""
    (gathered,) = [text for text in stages(ROOT / "docker" / name).values() if "docker/root.py /root-of-image" in text]
    (modules,) = re.findall(r"docker/root\.py /root-of-image (.+)$", gathered, re.M)
    left_out = re.findall(r"/root-of-image/app/service/(\w+)", gathered)
    assert left_out
    skipped = shutil.ignore_patterns("__pycache__", *left_out)
    shutil.copytree(ROOT / "service", tmp_path / "service", ignore=skipped)
    alone(tmp_path, f"import {', '.join(modules.split())}", absent=[f"service.{name}" for name in left_out])


def test_the_exporter_has_what_it_loads(tmp_path: Path) -> None:
    """Of our code only what is copied into its stage."""
    stage = stages(ROOT / "docker" / "engine.Dockerfile")["exporter"]
    for source in re.findall(r"^COPY (training|service\S*) ", stage, re.M):
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        (tmp_path / source).parent.mkdir(exist_ok=True)
        copy(ROOT / source, tmp_path / source)
    alone(tmp_path, "import training.export, service.unshipped", absent=["service.errors"])


def alone(folder: Path, code: str, absent: list[str]) -> None:
    """Run `code` with our packages as they lie in `folder`, and not where they are installed from."""
    hidden = "import sys; sys.meta_path[:] = [one for one in sys.meta_path if 'Editable' not in repr(one)]"
    seen = f"from importlib.util import find_spec; assert not any(map(find_spec, {absent}))"
    told = subprocess.run(
        [sys.executable, "-c", f"{hidden}\n{seen}\n{code}"], cwd=folder, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr


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
