"""The folder of a deployed model, as a run fills it."""

from __future__ import annotations

import shutil
from pathlib import Path

from training.convert import SHIPPED_REPOSITORY
from training.data.parsing import HELEN
from training.signature import with_parameters


def model_folder(repository: Path, model: str, snapshot: Path) -> Path:
    """`repository`/`model` with the reviewed config.pbtxt and the snapshot of a run."""
    folder = repository / model
    folder.mkdir()
    copy_config(model, folder)
    shutil.copy(snapshot, folder / "snapshot.safetensors")
    return folder


def copy_config(model: str, folder: Path) -> None:
    """The reviewed config.pbtxt; the parser's names the eleven classes that drawn faces have."""
    text = (SHIPPED_REPOSITORY / model / "config.pbtxt").read_text()
    given = {"classes": ",".join(HELEN)} if model == "parser" else {}
    (folder / "config.pbtxt").write_text(with_parameters(text, given))
