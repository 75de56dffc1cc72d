"""What a model repository's files say, where the service has them at hand: the engine's protocol has no word for it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

MODEL_FILE = "model.pt"
PRECISION = "/extra/precision"  # an entry of the archive that TorchScript is
UNSAID = "float32"


def read_precisions(repository: Path, models: Iterable[str]) -> dict[str, str]:
    """Model -> float32, bfloat16 or float16, as its export wrote it; without models that have no readable file."""
    found = {name: read_precision(repository / name) for name in models}
    return {name: precision for name, precision in found.items() if precision is not None}


def read_precision(folder: Path) -> str | None:
    """Of the file that an engine loads: the one of the highest version. None if there is none, as in an ensemble."""
    files = [file for file in folder.glob(f"*/{MODEL_FILE}") if file.parent.name.isdecimal()]
    if not files:
        return None
    try:
        with zipfile.ZipFile(max(files, key=lambda file: int(file.parent.name))) as archive:
            entry = next((name for name in archive.namelist() if name.endswith(PRECISION)), None)
            return UNSAID if entry is None else archive.read(entry).decode()
    except (zipfile.BadZipFile, OSError, UnicodeDecodeError):
        return None
