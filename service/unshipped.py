"""Which models of a repository nobody has trained yet: their config.pbtxt is there, their weights are not.

Engines leave them out, and GET /models says that they are not ready. A card speaks of weights, so a model with a card
and without weights has lost them, and that is an error. `training/export.py` goes by the same rule.

Standard library only: `deploy/models.py` asks before anything is installed.
"""

from __future__ import annotations

import re
from pathlib import Path

WEIGHTS_ONCE = ("snapshot.safetensors", "card.md")  # either says that there are weights, or were

ENSEMBLE = re.compile(r'\bensemble_scheduling\b|\bplatform:\s*"ensemble"')


def unshipped(repository: Path) -> list[str]:
    """Names of the models without weights, and of the ensembles that call one of them, sorted."""
    texts = {path.parent: path.read_text(errors="replace") for path in sorted(repository.glob("*/config.pbtxt"))}
    called = {folder.name: set(re.findall(r'\bmodel_name:\s*"([^"]+)"', text)) for folder, text in texts.items()}
    leaves = [folder for folder, text in texts.items() if not ENSEMBLE.search(text)]
    absent = {folder.name for folder in leaves if not _has_weights(folder)}
    while more := {name for name, models in called.items() if models & absent} - absent:
        absent |= more
    return sorted(absent)


def served(repository: Path) -> list[str]:
    """Names of all other models, sorted."""
    absent = set(unshipped(repository))
    return sorted(path.parent.name for path in repository.glob("*/config.pbtxt") if path.parent.name not in absent)


def _has_weights(folder: Path) -> bool:
    versions = (path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal())
    return any(versions) or any((folder / name).is_file() for name in WEIGHTS_ONCE)
