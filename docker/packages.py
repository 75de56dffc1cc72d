"""Prints what is installed in an image, as a CycloneDX document; run inside it. Standard library only.

docker run --rm -i --entrypoint /opt/venv/bin/python IMAGE - < docker/packages.py
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

DEBIAN = Path("/var/lib/dpkg/status")


def python_packages() -> Iterator[dict[str, Any]]:
    for one in distributions():
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        told = one.metadata.get_all("License-Expression") or []
        licences = {"licenses": [{"expression": told[0]}]} if told else {}
        yield component(name, one.version, f"pkg:pypi/{name}@{one.version}") | licences


def debian_packages() -> Iterator[dict[str, Any]]:
    records = DEBIAN.read_text(encoding="utf-8").split("\n\n") if DEBIAN.is_file() else []
    for record in records:
        fields = dict(re.findall(r"^(Package|Version|Architecture): (\S+)$", record, re.M))
        if len(fields) == 3:
            name, version, machine = fields["Package"], fields["Version"], fields["Architecture"]
            yield component(name, version, f"pkg:deb/debian/{name}@{version}?arch={machine}")


def component(name: str, version: str, address: str) -> dict[str, Any]:
    return {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}


def document() -> dict[str, Any]:
    """Sorted, without a time or a number of its own, so that equal images give equal documents."""
    found = [
        component("python", ".".join(map(str, sys.version_info[:3])), f"pkg:generic/python@{sys.version.split()[0]}"),
        *python_packages(),
        *debian_packages(),
    ]
    parts = sorted(found, key=lambda part: part["bom-ref"])
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": parts}


if __name__ == "__main__":
    print(json.dumps(document(), indent=1))
