"""What --augmented of training.train says: LaFIn's section 4, by pictures made before, or made anew while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.data.augmented import PairedFaces
from training.data.faces import FaceFolder, Faces
from training.errors import OptionError
from training.recipe import Part


def augmentation(augmented: Path | None, parts: Sequence[Part], faces: Faces) -> tuple[Faces, Path | None]:
    """The faces, with the pairs of a folder of training.augment; or the snapshot of a generator, for `Files`.

    Raises OptionError for a snapshot where no part would use it.
    """
    if augmented is None:
        return faces, None
    if augmented.is_dir():
        return PairedFaces(faces, FaceFolder(augmented)), None
    if not any(part.wants.other_holes for part in parts):
        raise OptionError("--augmented with a snapshot is for recipes that augment: lafin_augmented and those like it")
    return faces, augmented
