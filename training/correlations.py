"""How well the extractor of `reference` reads attributes: python -m training.correlations --data FOLDER."""

from __future__ import annotations

import numpy as np
import torch

from training import options
from training.data.faces import open_split
from training.errors import OptionError, one_line
from training.framed import frame_faces
from training.options import Version
from training.papers.reference.measuring import correlations
from training.program import Program
from training.reference_models import EXTRACTOR, SYSTEM, open_extractor
from training.report import Table, number, write_json
from training.systems import Repository, frame_pixels, read_snapshots

WHOLE = "none"  # the kind of holes that hides nothing

app = Program("training.correlations")


@app.command()
@one_line("training.correlations")
def main(
    data: options.DataFolder,
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    snapshot: options.Snapshots = None,
    holes: options.Holes = "20-40,40-60,eyes,O6",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    count: options.Count = None,
    output: options.Output = None,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Pearson's correlation of what the extractor reads with the folder's own numbers, for each attribute.

    A column for whole faces, as references are, and one for each kind of holes, as it sees a picture without a
    reference.
    """
    kinds, place = options.read_kinds(holes), options.open_device(device)
    models = Repository(repository, read_snapshots(snapshot), device=place)
    extractor, names = open_extractor(models)
    opened = open_split(data, split)
    faces = frame_faces(opened, frame_pixels(SYSTEM), count)
    labels = torch.from_numpy(np.stack([opened.known_attributes(index, names) for index in faces.indices]))
    rated = (~labels.isnan()).sum(dim=0)
    if not rated.any():
        raise OptionError(f"{data} has no number of any of {', '.join(names)} for these faces")
    columns = {kind: correlations(extractor, faces, labels, kind, seed, place) for kind in (WHOLE, *kinds)}
    table = Table("attribute", "faces", *("whole" if kind == WHOLE else kind for kind in columns))
    for row, name in enumerate(names):
        table.row(name, str(int(rated[row])), *(number(float(values[row]), 2) for values in columns.values()))
    read = {name: {kind: float(values[row]) for kind, values in columns.items()} for row, name in enumerate(names)}
    weights = models.fingerprints([EXTRACTOR])
    write_json(output, {"weights": weights, "split": split, "holes_seed": seed, "correlations": read})


if __name__ == "__main__":
    app()
