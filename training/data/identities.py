"""Who is on which picture: the column `identity` of faces.csv, and the split of section 4.4 of GFC."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from training.data.faces import DataError, FaceFolder


def read_identities(folder: Path) -> dict[str, str]:
    """Name of a picture -> its identity. Raises DataError without the column."""
    table = Path(folder) / "faces.csv"
    if not table.is_file():
        raise DataError(f"{table} is missing; training.prepare makes a prepared folder")
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    if not rows or "identity" not in rows[0]:
        raise DataError(f"{table} has no column `identity`, which says who is on a picture")
    return {row["name"]: row["identity"] for row in rows if row["identity"]}


def gallery_and_probes(faces: FaceFolder, identities: dict[str, str], seed: int) -> tuple[list[int], list[int]]:
    """Each identity's pictures, shuffled, half to the gallery (the larger half) and half to the probes: indices.

    Identities with a single picture are left out. Raises DataError when nobody is left.
    """
    pictures: dict[str, list[int]] = {}
    for index in range(len(faces)):
        identity = identities.get(faces.name(index))
        if identity is not None:
            pictures.setdefault(identity, []).append(index)
    rng = np.random.default_rng(seed)
    gallery: list[int] = []
    probes: list[int] = []
    for identity in sorted(pictures):
        shuffled = [int(index) for index in rng.permutation(pictures[identity])]
        if len(shuffled) > 1:
            middle = (len(shuffled) + 1) // 2
            gallery += shuffled[:middle]
            probes += shuffled[middle:]
    if not probes:
        raise DataError(
            "no identity has two pictures among these faces; a recognition needs one to find and one to ask"
        )
    return sorted(gallery), sorted(probes)
