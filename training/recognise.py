"""Recognition of completed faces (GFC, section 4.4): python -m training.recognise --help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from training import options
from training.blending import BLENDS, Blend, completed
from training.data.faces import open_split
from training.data.identities import gallery_and_probes, read_identities
from training.errors import OptionError, one_line
from training.framed import FramedFaces
from training.given import Given, System
from training.masking import complete
from training.metrics.identity import IdentityNetwork, top_k
from training.options import Version
from training.papers import SYSTEMS
from training.program import Program
from training.report import Table, progress_bar, write_json
from training.systems import Repository, about, frame_pixels, open_system
from training.yardstick import NetworkFiles, check_identity, open_identity

RANKS = (1, 3, 5)  # Figure 11
FEW_PEOPLE = 50  # among fewer a face is found by chance often enough

app = Program("training.recognise")


@dataclass(frozen=True)
class Recognised:
    """The share of probes whose own identity is among the nearest 1, 3 and 5 of the gallery, in percent."""

    holes: str
    method: str
    top1: float
    top3: float
    top5: float


@app.command()
@one_line("training.recognise")
def main(
    data: options.DataFolder,
    identity: Annotated[Path, options.IDENTITY_FILE],
    identity_range: options.IdentityRange = "-1..1",
    identity_alignment: options.IdentityAlignment = "frame",
    repository: options.RepositoryFolder = options.SHIPPED_REPOSITORY,
    model: Annotated[str, typer.Option(help=f"What completes the probes: {', '.join(SYSTEMS)}.")] = "gfc",
    holes: options.Holes = "O1,O2,O3,O4,O5,O6",
    blend: options.BlendName = "poisson",
    seed: options.Seed = 0,
    split: options.Split = "validation",
    output: options.Output = None,
    batch_size: options.BatchSize = 8,
    device: options.Device = "auto",
    version: Version = False,
) -> None:
    """Half of each identity's faces are the gallery; the others, completed, are looked up in it.

    The column `identity` of faces.csv says who is on a picture. Beside the model stand the original probes (the upper
    bound) and probes whose hole is filled with noise.
    """
    kinds, place, blender = options.read_kinds(holes), options.open_device(device), options.pick(BLENDS, blend, "blend")
    models = Repository(repository, {}, device=place)
    system = open_system(model, models)
    files = NetworkFiles(identity=identity, identity_range=identity_range, identity_alignment=identity_alignment)
    network, faces, names = open_identity(files, place), open_split(data, split), read_identities(data)
    people = [names.get(faces.name(index), "") for index in range(len(faces))]
    gallery, probes = (
        Side(FramedFaces(faces, frame_pixels(model), side), [people[index] for index in side])
        for side in gallery_and_probes(faces, names, seed)
    )
    print(f"{len(gallery.names)} faces in the gallery, {len(probes.names)} probes; identities by {network.name}")
    doubts = [few(gallery), check_identity(network, identity, gallery.faces, place)]
    print("".join(f"warning: {words}\n" for words in doubts if words), end="")
    search = Search(network, gallery, probes, batch_size, place)
    rows = show(search, system, blender, kinds, seed)
    measured = {"split": split, "seed": seed, "blend": blend, "identity": network.name}
    counts = {"gallery": len(gallery.names), "probes": len(probes.names)}
    write_json(output, {**about(model, models), **measured, **counts, "rows": rows})


@dataclass(frozen=True)
class Side:
    """The gallery, or the probes: pictures, and whose they are."""

    faces: FramedFaces
    names: Sequence[str]


def few(gallery: Side) -> str:
    """That the gallery is too small to say much, in words; empty if it is not."""
    people = len(set(gallery.names))
    return (
        f"recognition among {people} people says little; chance alone finds {100 / people:.0f} %"
        if people < FEW_PEOPLE
        else ""
    )


class Search:
    """Probes are looked up in the gallery by the network's identities, [N,D] of unit length."""

    def __init__(self, network: IdentityNetwork, gallery: Side, probes: Side, batch_size: int, device: str) -> None:
        self.network, self.probes, self.gallery_names = network, probes, gallery.names
        self.batch_size, self.device = batch_size, device
        self.gallery = self.originals(gallery)

    def originals(self, side: Side) -> Tensor:
        """Identities of the pictures as they are."""
        batches = side.faces.batches(self.batch_size, self.device)
        return torch.cat([self.network(batch.image.float() / 255, batch.landmarks) for batch in batches])

    def row(self, holes: str, method: str, found: Tensor) -> Recognised:
        """`found`: identities of the probes under these holes."""
        names = list(self.probes.names), list(self.gallery_names)
        shares = [100 * float(top_k(found, names[0], self.gallery, names[1], k).mean()) for k in RANKS]
        return Recognised(holes, method, *shares)

    def rows(self, system: System, blend: Blend, kinds: Sequence[str], seed: int) -> Iterator[Recognised]:
        """The original probes, then for each kind of holes the probes filled with noise and those completed."""
        yield self.row("-", "original", self.originals(self.probes))
        for kind in kinds:
            noisy, painted = [], []
            for batch in self.probes.faces.batches(self.batch_size, self.device):
                given = batch.under(kind, seed)
                noisy.append(self.network(fill_with_noise(given), batch.landmarks))
                painted.append(self.network(paint(system, given, blend), batch.landmarks))
            yield self.row(kind, "noise", torch.cat(noisy))
            yield self.row(kind, "completed", torch.cat(painted))


def show(search: Search, system: System, blend: Blend, kinds: Sequence[str], seed: int) -> list[Recognised]:
    """Print the table row by row, with a progress bar beside it; all rows."""
    table, rows = Table("holes", "probes", *(f"top {rank}" for rank in RANKS)), []
    with progress_bar(1 + 2 * len(kinds), "row") as bar:
        for row in search.rows(system, blend, kinds, seed):
            table.row(row.holes, row.method, *(f"{share:.1f}" for share in (row.top1, row.top3, row.top5)))
            rows.append(row)
            bar.update()
    return rows


def fill_with_noise(given: Given) -> Tensor:
    """[B,3,F,F] in [0,1]: uniform noise in the hole."""
    noise = torch.stack([torch.from_numpy(dice.random(tuple(given.image.shape[1:]))) for dice in given.dice()])
    return complete(noise.float().to(given.image.device), given.image.float() / 255, given.hole.float())


@torch.no_grad()
def paint(system: System, given: Given, blend: Blend) -> Tensor:
    """[B,3,F,F] in [0,1]: completed. Raises OptionError for a system that paints nothing."""
    raw = system(given).raw
    if raw is None:
        raise OptionError("the model completes no pictures")
    return completed(raw, given, blend)


if __name__ == "__main__":
    app()
