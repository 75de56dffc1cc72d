"""How strongly each term of ShowFace's Eq. 15 pulls: python -m training.loss_balance --help.

The paper does not say its lambdas. Those of our recipes give each term a stated share of the reconstruction's pull: the
length of its gradient at the picture that the refinement begins with, the coarse face, over the first faces of the row.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from training.data.faces import Faces
from training.data.joined import open_faces
from training.data.stream import Batch, batches
from training.errors import OptionError, one_line
from training.options import Count, DataFolders, Split, Version, pick
from training.papers import RECIPES
from training.papers.showface.losses import Weights
from training.papers.showface.step import RefinerStep
from training.program import Program
from training.recipe import Files, Part
from training.report import Table, number
from training.train import frozen_parser

# Of the reconstruction's pull.
SHARES = {
    "perceptual": 1.0,
    "style": 0.5,
    "adversarial": 0.3,
    "semantic": 0.2,
    "intra": 0.1,
    "inter": 0.1,
    "variation": 0.1,
}
EVERY = Weights(**{field.name: 1.0 for field in fields(Weights)})
BATCH, FACES = 4, 1_000

app = Program("training.loss_balance")


@app.command()
@one_line("training.loss_balance")
def main(
    data: DataFolders,
    recipe: Annotated[str, typer.Option(help="A recipe with a part `refiner`.")] = "showface",
    parser: Annotated[Path | None, typer.Option(help="As --parser of a training.")] = None,
    features: Annotated[Path | None, typer.Option(help="As --features of a training.")] = None,
    coarse: Annotated[Path | None, typer.Option(help="As --coarse of a training.")] = None,
    inco2: Annotated[Path | None, typer.Option(help="As --inco2 of a training.")] = None,
    split: Split = "train",
    count: Count = FACES,
    version: Version = False,
) -> None:
    """Each term's pull over that of the reconstruction, and the weight that gives it its share."""
    part = pick(RECIPES, recipe, "recipe")().part("refiner")
    files = Files(features, frozen_parser(parser) if parser else None, coarse, inco2)
    table = Table("term", "pull", "share", "weight")
    for term, pull in measure(part, files, open_faces(data, split), count or FACES).items():
        share = SHARES[term]
        table.row(term, number(pull, 4), number(share, 2), f"{share / pull:.3g}" if pull else "none")


def measure(part: Part, files: Files, faces: Faces, count: int) -> dict[str, float]:
    """Term -> mean length of its gradient over the reconstruction's, over `count` faces at the part's last size.

    The discriminator is one that nobody has trained. Raises OptionError for a recipe of another room.
    """
    torch.manual_seed(part.seed)
    step = part.build(files)
    if not isinstance(step, RefinerStep):
        raise OptionError("the recipe's part `refiner` is not ShowFace's")
    step.weights = replace(EVERY, intra=step.weights.intra and 1.0, inter=step.weights.inter and 1.0)
    row = batches(part.stream(faces, part, part.stages[-1]), start=0, batch_size=BATCH, workers=0)
    rounds = -(-count // BATCH)
    pulls: dict[str, float] = {}
    for _ in range(rounds):
        lengths = lengths_of(step, next(row))
        own = lengths.pop("reconstruction")
        for term, length in lengths.items():
            pulls[term] = pulls.get(term, 0.0) + length / own / rounds
    return pulls


def lengths_of(step: RefinerStep, batch: Batch) -> dict[str, float]:
    """The length of each term's gradient at the coarse face."""
    face, _ = step.seen(batch)
    raw = face.clone().requires_grad_()
    losses = step.losses(batch, raw)
    gradients: dict[str, Tensor] = {
        term: torch.autograd.grad(loss, raw, retain_graph=True)[0] for term, loss in losses.items()
    }
    step.forget()  # what it has made of this batch
    return {term: float(gradient.norm()) for term, gradient in gradients.items()}


if __name__ == "__main__":
    app()
