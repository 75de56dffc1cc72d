"""`python -m deploy.preflight`: everything that can be known to fail, checked before anything slow begins.

It runs before there is an environment, so values of settings, which pydantic reads, are checked by `deploy.serve`.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.arguments import refuse_arguments
from deploy.models import stale_models
from deploy.place import CannotStart, check_port, read_dotenv, read_place
from service.misspelt import misspelt

SETTINGS = Path(__file__).parents[1] / "service" / "settings"


def setting_names() -> frozenset[str]:
    """The settings of the service, read from the text of its classes."""
    classes = (
        node
        for file in sorted(SETTINGS.glob("*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    fields = (node.target for kind in classes for node in kind.body if isinstance(node, ast.AnnAssign))
    return frozenset(field.id for field in fields if isinstance(field, ast.Name))


def check_names(environment: Mapping[str, str], dotenv: Path = Path(".env")) -> None:
    """Raise CannotStart for settings whose name is almost right."""
    if complaints := misspelt([*read_dotenv(dotenv), *environment], setting_names()):
        raise CannotStart("; ".join(complaints))


def main() -> None:
    refuse_arguments("deploy.preflight", "Check what would keep the service from starting.")
    try:
        check_names(os.environ)
        place = read_place(os.environ)
        check_port("PORT", place.host, place.port)
        if place.redis_port is not None:
            check_port("REDIS_PORT", "127.0.0.1", place.redis_port)
        if place.engine_port is not None:
            check_port("ENGINE_PORT", "127.0.0.1", place.engine_port)
            stale_models(place.repository)
    except CannotStart as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
