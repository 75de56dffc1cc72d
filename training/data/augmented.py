"""Pairs of training.augment beside the pairs they were made from (LaFIn, appendix B)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.faces import DataError, Faces
from training.data.joined import ComposedFaces


class PairedFaces(ComposedFaces):
    """One augmented pair for each pair: the augmented folder holds whole epochs, one after another.

    The row is original faces 0..n-1, then augmented ones. With e epochs of augmented pictures the originals stand in
    the row e times, so a pass over the row is e epochs of both.
    """

    def __init__(self, originals: Faces, augmented: Faces) -> None:
        if not len(augmented) or len(augmented) % len(originals):
            raise DataError(
                f"{len(augmented)} augmented faces are not whole epochs of {len(originals)}; "
                "run training.augment on the same data and split"
            )
        self.originals, self.augmented = originals, augmented

    @property
    def parsing_classes(self) -> int:
        return self.originals.parsing_classes

    def __len__(self) -> int:
        return 2 * len(self.augmented)

    def _place(self, index: int) -> tuple[Faces, int]:
        count = len(self.augmented)
        return (self.originals, index % len(self.originals)) if index < count else (self.augmented, index - count)

    def parsing(self, index: int) -> NDArray[np.uint8] | None:
        faces, place = self._place(index)
        return faces.parsing(place)

    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """Those of the original, also for an augmented picture."""
        return self.originals.attributes(index % len(self.originals), names)

    def known_attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        return self.originals.known_attributes(index % len(self.originals), names)
