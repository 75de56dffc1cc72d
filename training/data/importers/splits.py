"""Which of the imported faces are for training, for validation and for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

VALIDATION_SHARE = 1 / 20  # of the faces for training, where the data set has none for validation


def settle_splits(names: Sequence[str], stated: Sequence[str | None]) -> list[str]:
    """The data set's splits; a face without one is for training.

    Where none is for validation, a twentieth of those for training is, at least one of two or more, chosen by a hash of
    the name. Faces for tests stay what they are.
    """
    splits = [split or "train" for split in stated]
    training = [name for name, split in zip(names, splits, strict=True) if split == "train"]
    if "validation" in splits or len(training) < 2:
        return splits
    count = max(1, round(VALIDATION_SHARE * len(training)))
    chosen = set(sorted(training, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:count])
    return ["validation" if name in chosen else split for name, split in zip(names, splits, strict=True)]
