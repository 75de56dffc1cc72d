"""TensorBoard's event files of a training, beside metrics.jsonl. The package is an extra: `tensorboard`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from training.errors import OptionError

FOLDER = "tensorboard"  # in a part's folder
NOT_DRAWN = {"images_seen", "time"}


def require_tensorboard() -> None:
    """OptionError unless the package is installed; to be asked before a training begins."""
    if find_spec("tensorboard") is None:
        raise OptionError("--tensorboard: it is not installed: pip install 'face-inpainting[tensorboard]'")


class Events:
    """An event file below a part's folder. What an earlier session wrote behind `images_seen` is no longer shown."""

    def __init__(self, folder: Path, images_seen: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # takes seconds, and most trainings do without

        writer: Any = SummaryWriter
        self.writer = writer(str(folder / FOLDER), purge_step=images_seen + 1)

    def note(self, figures: Mapping[str, Any], images_seen: int, before: str = "") -> None:
        """A scalar for each finite number; `before` groups their names."""
        for name, value in figures.items():
            if name not in NOT_DRAWN and type(value) in (int, float) and math.isfinite(value):
                self.writer.add_scalar(f"{before}{name}", value, images_seen)
        self.writer.flush()

    def close(self) -> None:
        self.writer.close()
