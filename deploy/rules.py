"""`python -m deploy.rules` writes deploy/kubernetes/base/rules.yaml: Prometheus' rules, as its operator takes them.

Kustomize reads nothing outside its own folders, so the rules stand in both places; a test compares them.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("prometheus")
FILES = ("recording.yml", "alerts.yml")
MANIFEST = Path(__file__).parent / "kubernetes" / "base" / "rules.yaml"
HEAD = """# Written by `python -m deploy.rules` from deploy/prometheus.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: face-inpainting
spec:
  groups:
"""


def groups(file: Path) -> str:
    """The lines below `groups:`, as they stand."""
    return file.read_text(encoding="utf-8").partition("\ngroups:\n")[2]


def manifest() -> str:
    lines = [line for name in FILES for line in groups(FOLDER / name).splitlines()]
    return HEAD + "".join(f"  {line}".rstrip() + "\n" for line in lines)


def main() -> None:
    MANIFEST.write_text(manifest(), encoding="utf-8")


if __name__ == "__main__":
    main()
