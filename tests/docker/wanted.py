"""Which packages extras of pyproject.toml bring along, by what the environment of the tests has of them."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_house import pins, requirements


def wanted_packages(extras: Iterable[str], python_full_version: str = platform.python_version()) -> set[str]:
    """name==version of every package of the extras, and of all that these need, as constraints.txt pins them."""
    installed = {canonicalize_name(one.name): one for one in distributions()}
    pinned, pending = pins(), requirements(extras)
    found, seen = set[str](), set[tuple[str, frozenset[str]]]()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        asked = (name, frozenset(requirement.extras))
        if asked in seen:
            continue
        seen.add(asked)
        found.add(f"{name}=={pinned[name]}")
        needed = map(Requirement, (installed[name].requires or []) if name in installed else [])
        pending += [one for one in needed if applies(one, requirement.extras, python_full_version)]
    return found


def applies(requirement: Requirement, extras: set[str], python_full_version: str) -> bool:
    marker, version = requirement.marker, {"python_full_version": python_full_version}
    return marker is None or any(marker.evaluate({"extra": extra} | version) for extra in ("", *extras))
