"""The rules for Prometheus' operator are those of Prometheus itself."""

from __future__ import annotations

import yaml

from deploy.rules import FILES, FOLDER, MANIFEST, manifest


def test_the_manifest_is_of_today() -> None:
    assert MANIFEST.read_text() == manifest(), "python -m deploy.rules writes it"


def test_no_rule_is_lost_or_changed() -> None:
    own = [group for name in FILES for group in yaml.safe_load((FOLDER / name).read_text())["groups"]]
    assert len(own) == 2
    assert yaml.safe_load(manifest())["spec"]["groups"] == own
    assert {file.name for file in FOLDER.glob("*.yml")} == {*FILES, "prometheus.yml"}
