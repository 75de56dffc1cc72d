"""The programs of this folder take no arguments: settings come from the environment. They say so, and what they are."""

from __future__ import annotations

import argparse

from service.version import version_line


def refuse_arguments(program: str, about: str) -> None:
    """Answer --help and --version; end the process if there is any other argument."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}", description=f"{about} Settings come from the environment and the file .env."
    )
    parser.add_argument("--version", action="version", version=version_line(parser.prog))
    parser.parse_args()
