"""The lists of the images' packages, by a docker that runs the program here instead of in an image."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from deploy import sbom
from deploy.place import CannotStart

DOCKER = """#!/bin/sh
case "$*" in
  "image inspect "*) grep -qx -- "$3" {here} ;;
  "run "*" --entrypoint /opt/venv/bin/python "*) exec {python} - ;;
  *) echo "not for this test: $*" >&2; exit 9 ;;
esac
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that lists the images of this machine."""
    program, listed = tmp_path / "bin" / "docker", tmp_path / "images"
    program.parent.mkdir()
    program.write_text(DOCKER.format(here=listed, python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return listed


def test_every_image_has_its_document(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here.write_text("face-inpainting-service:7\nregistry.example/engine:8\n")
    sbom.write({"VERSION": "7", "ENGINE_IMAGE": "registry.example/engine:8"})
    assert capsys.readouterr().out == "var/sbom/service.cdx.json\nvar/sbom/engine.cdx.json\n"
    for name in sbom.NAMES:
        assert json.loads((sbom.FOLDER / f"{name}.cdx.json").read_text())["bomFormat"] == "CycloneDX"


def test_a_server_with_a_gpu_has_no_image_of_the_engine(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here.write_text("face-inpainting-service:7\n")
    sbom.write({"VERSION": "7"})
    assert "left out: there is no image face-inpainting-engine:7 here" in capsys.readouterr().out
    assert [file.name for file in sbom.FOLDER.iterdir()] == ["service.cdx.json"]


def test_without_images_it_says_what_builds_them(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here.write_text("")
    with pytest.raises(CannotStart, match="make up builds them"):
        sbom.write({"VERSION": "7"})
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(CannotStart, match="docker is missing"):
        sbom.write({"VERSION": "7"})
