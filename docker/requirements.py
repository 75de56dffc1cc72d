"""`python docker/requirements.py EXTRA...`: prints what these extras of pyproject.toml require, a line each, for pip.

With `--metadata FOLDER` it writes there what tells Python the project's version, as an installation would.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def required(extras: list[str], project: dict[str, object]) -> list[str]:
    """Requirements of the extras, each once, in order. KeyError for an extra that there is not."""
    offered = project["optional-dependencies"]
    assert isinstance(offered, dict)
    return sorted({requirement for extra in extras for requirement in offered[extra]})


def write_metadata(folder: Path, project: dict[str, object]) -> None:
    """NAME-VERSION.dist-info with what importlib.metadata reads."""
    name, version = str(project["name"]), str(project["version"])
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Print the requirements of extras of pyproject.toml, for pip.")
    parser.add_argument("extras", nargs="*")
    parser.add_argument("--metadata", type=Path, help="a site-packages folder that shall know the project's version")
    options = parser.parse_args(arguments)
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    if options.metadata is not None:
        write_metadata(options.metadata, project)
    print("\n".join(required(options.extras, project)))


if __name__ == "__main__":
    main()
