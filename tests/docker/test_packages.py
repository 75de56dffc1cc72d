"""The list of an image's packages, of the environment of the tests here."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

from tests.test_house import ROOT


def test_it_is_a_cyclonedx_document_and_equal_each_time() -> None:
    program = (ROOT / "docker" / "packages.py").read_text()
    told = [
        subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert told[0] == told[1]
    document = json.loads(told[0])
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    addresses = [part["purl"] for part in document["components"]]
    assert f"pkg:pypi/fastapi@{version('fastapi')}" in addresses
    assert len(set(addresses)) == len(addresses)
