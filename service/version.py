"""Which version this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def service_version() -> str:
    """Of the installed package; a plain checkout has none."""
    try:
        return version("face-inpainting")
    except PackageNotFoundError:
        return "0+checkout"


def version_line(program: str) -> str:
    """What `--version` prints."""
    return f"{program} {service_version()}"
