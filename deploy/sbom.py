"""`python -m deploy.sbom`: a list of every package in the images, as CycloneDX documents in var/sbom.

Debian's and Python's packages are read in the image itself, by docker/packages.py. Triton's own contents are its
maker's to list; only the images that are built here are looked at.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deploy.arguments import refuse_arguments
from deploy.place import CannotStart

FOLDER = Path("var/sbom")
PROGRAM = Path("docker/packages.py")
PYTHON = "/opt/venv/bin/python"
IMAGES = {
    "service": ("SERVICE_IMAGE", "face-inpainting-service:0.1.0"),
    "engine": ("ENGINE_IMAGE", "face-inpainting-engine:0.1.0"),
}


def listed(image: str) -> str:
    """The document of an image. CannotStart if there is no such image here."""
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--entrypoint", PYTHON, image, "-"]
    with PROGRAM.open("rb") as program:
        told = subprocess.run(command, stdin=program, capture_output=True, text=True)
    if told.returncode != 0:
        raise CannotStart(f"{image} cannot be looked at (make up builds it): {told.stderr.strip().splitlines()[-1]}")
    return told.stdout


def main() -> None:
    refuse_arguments("deploy.sbom", "List every package in the images of the service and the engine, into var/sbom.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        for name, (variable, default) in IMAGES.items():
            file = FOLDER / f"{name}.cdx.json"
            file.write_text(listed(os.environ.get(variable) or default), encoding="utf-8")
            print(file, flush=True)
    except CannotStart as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
