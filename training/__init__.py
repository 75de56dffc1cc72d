"""Training of the published systems, and the export of what the service deploys. `load_model` opens one to use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.painting import Painter

__all__ = ["load_model"]


def load_model(
    name: str = "lafin", *, run: str | Path | None = None, repository: str | Path | None = None, device: str = "auto"
) -> Painter:
    """A whole system that completes face pictures: `load_model("lafin")(image, hole)`.

    Weights are the snapshots of `repository` (None: the shipped one), or where `run` has trained them, of that run
    folder. Raises a type of training.errors.TrainingError for what is not there or does not fit.
    """
    from training.painting import open_painter  # torch and all rooms: only for whoever paints

    return open_painter(name, run, repository, device)
