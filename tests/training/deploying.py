"""The folder of a deployed model, as a run fills it."""

from __future__ import annotations

import shutil
from pathlib import Path

from training.convert import SHIPPED_REPOSITORY


def model_folder(repository: Path, model: str, snapshot: Path) -> Path:
    """`repository`/`model` with the reviewed config.pbtxt and the snapshot of a run."""
    folder = repository / model
    folder.mkdir()
    shutil.copy(SHIPPED_REPOSITORY / model / "config.pbtxt", folder)
    shutil.copy(snapshot, folder / "snapshot.safetensors")
    return folder
