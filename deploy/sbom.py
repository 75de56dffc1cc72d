"""`python -m deploy.sbom`: a list of every package in the images, as CycloneDX documents in var/sbom.

Debian's and Python's packages are read in the image itself, by docker/packages.py. Triton's own contents are its
maker's to list; only the images that are built here are looked at. A server with a GPU has no image of the engine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.arguments import refuse_arguments
from deploy.compose import variables
from deploy.place import CannotStart

FOLDER = Path("var/sbom")
PROGRAM = Path(__file__).parents[1] / "docker" / "packages.py"
PYTHON = "/opt/venv/bin/python"
NAMES = ("service", "engine")


def images(values: Mapping[str, str]) -> dict[str, str]:
    """Name -> the image that docker-compose.yml gives it."""
    return {
        name: values.get(f"{name.upper()}_IMAGE") or f"face-inpainting-{name}:{values['VERSION']}" for name in NAMES
    }


def is_here(image: str) -> bool:
    """CannotStart without docker."""
    try:
        return subprocess.run(["docker", "image", "inspect", image], capture_output=True).returncode == 0
    except FileNotFoundError:
        raise CannotStart("docker is missing.") from None


def listed(image: str) -> str:
    """The document of an image. CannotStart if it cannot be looked at."""
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--entrypoint", PYTHON, image, "-"]
    with PROGRAM.open("rb") as program:
        told = subprocess.run(command, stdin=program, capture_output=True, text=True)
    if told.returncode != 0:
        raise CannotStart(f"{image} cannot be looked at: {(told.stderr.strip() or 'no reason given').splitlines()[-1]}")
    return told.stdout


def write(values: Mapping[str, str]) -> None:
    """A document of each image that is here; names them. CannotStart if there is none."""
    found = {name: image for name, image in images(values).items() if is_here(image)}
    if not found:
        raise CannotStart(f"there is no image {' or '.join(images(values).values())} here; make up builds them.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, image in images(values).items():
        file = FOLDER / f"{name}.cdx.json"
        if name in found:
            file.write_text(listed(image), encoding="utf-8")
        print(file if name in found else f"left out: there is no image {image} here", flush=True)


def main() -> None:
    refuse_arguments("deploy.sbom", "List every package in the images of the service and the engine, into var/sbom.")
    try:
        write(variables(os.environ))
    except CannotStart as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
