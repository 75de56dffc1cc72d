"""Recognition of completed faces (GFC, section 4.4): python -m training.recognise --help."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import torch
import typer
from torch import Tensor

from training.blending import BLENDS, Blend
from training.checkpoint import write_atomically
from training.data.faces import FaceFolder, open_split
from training.data.holes import make_holes
from training.data.identities import gallery_and_probes, read_identities
from training.errors import OptionError, one_line
from training.masking import complete
from training.measuring import Prepared, prepare
from training.metrics.identity import IdentityNetwork, top_k
from training.options import (
    IDENTITY_FILE,
    SHIPPED_REPOSITORY,
    BatchSize,
    BlendName,
    DataFolder,
    Holes,
    Output,
    RepositoryFolder,
    Seed,
    Split,
    read_kinds,
)
from training.options import pick as choose
from training.systems import SYSTEMS, Repository, System, frame_pixels, open_system

Value = TypeVar("Value")

RANKS = (1, 3, 5)  # Figure 11

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


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
    data: DataFolder,
    identity: Annotated[Path, IDENTITY_FILE],
    repository: RepositoryFolder = SHIPPED_REPOSITORY,
    model: Annotated[str, typer.Option(help=f"What completes the probes: {', '.join(SYSTEMS)}.")] = "gfc",
    holes: Holes = "O1,O2,O3,O4,O5,O6",
    blend: BlendName = "poisson",
    seed: Seed = 0,
    split: Split = "validation",
    output: Output = None,
    batch_size: BatchSize = 8,
) -> None:
    """Half of each identity's faces are the gallery; the others, completed, are looked up in it.

    Beside the model stand the original probes (the upper bound) and probes whose hole is filled with noise.
    """
    kinds, chosen = read_kinds(holes), choose(BLENDS, blend, "blend")
    system = open_system(model, Repository(repository, {}))
    faces, network = open_split(data, split), IdentityNetwork(identity)
    names = read_identities(data)
    gallery, probes = gallery_and_probes(faces, names, seed)
    print(f"{len(gallery)} faces in the gallery, {len(probes)} probes; identities by {network.name}")
    pixels, identities = frame_pixels(model), [names[faces.name(index)] for index in range(len(faces))]
    sought = Sought(network, embed(network, pick(faces, gallery, pixels).images, batch_size), rows(identities, gallery))
    found = []
    print("| holes | probes | top 1 | top 3 | top 5 |\n|---|---|---|---|---|")
    for row in recognise(
        system,
        chosen,
        sought,
        pick(faces, probes, pixels),
        rows(identities, probes),
        kinds,
        seed,
        batch_size,
    ):
        print(f"| {row.holes} | {row.method} | {row.top1:.1f} | {row.top3:.1f} | {row.top5:.1f} |", flush=True)
        found.append(asdict(row))
    if output is not None:
        head = {"model": model, "blend": blend, "identity": network.name, "seed": seed}
        text = json.dumps({**head, "gallery": len(gallery), "probes": len(probes), "rows": found}, indent=1) + "\n"
        write_atomically(output, lambda beside: beside.write_text(text))


@dataclass(frozen=True)
class Sought:
    """The gallery: identities [G,D] of unit length, and whose they are."""

    network: IdentityNetwork
    embeddings: Tensor
    names: list[str]

    def row(self, holes: str, method: str, probes: Tensor, names: list[str]) -> Recognised:
        shares = [100 * float(top_k(probes, names, self.embeddings, self.names, k).mean()) for k in RANKS]
        return Recognised(holes, method, *shares)


def recognise(
    system: System,
    blend: Blend,
    gallery: Sought,
    probes: Prepared,
    names: list[str],
    kinds: list[str],
    seed: int,
    batch_size: int,
) -> Iterator[Recognised]:
    """The original probes, then for each kind of holes the probes filled with noise and those completed."""
    network, dice = gallery.network, torch.Generator().manual_seed(seed)
    yield gallery.row("-", "original", embed(network, probes.images, batch_size), names)
    points = [np.asarray(row) for row in probes.landmarks.numpy()]
    for kind in kinds:
        holes = torch.from_numpy(np.stack(make_holes(kind, seed, probes.frame_pixels, points)))[:, None]
        noise = torch.rand(probes.images.shape, generator=dice)
        noisy = complete(noise, probes.images.float() / 255, holes.float())
        yield gallery.row(kind, "noise", embed(network, noisy, batch_size), names)
        completed = completions(system, blend, probes, holes, batch_size)
        yield gallery.row(kind, "completed", embed(network, completed, batch_size), names)


@torch.no_grad()
def completions(system: System, blend: Blend, probes: Prepared, holes: Tensor, batch_size: int) -> Tensor:
    """Every probe completed under its hole, [N,3,F,F] in [0,1]."""
    done = []
    for image, hole, landmarks in zip(
        probes.images.split(batch_size), holes.split(batch_size), probes.landmarks.split(batch_size), strict=True
    ):
        raw = system(image, hole, landmarks).raw
        if raw is None:
            raise OptionError("the model completes no pictures")
        done.append(blend(raw.float() / 255, image.float() / 255, hole.float()))
    return torch.cat(done)


def embed(network: IdentityNetwork, images: Tensor, batch_size: int) -> Tensor:
    """Identities of pictures [N,3,F,F], bytes or in [0,1]: [N,D]."""
    scale = 255 if images.dtype == torch.uint8 else 1
    return torch.cat([network(batch.float() / scale) for batch in images.split(batch_size)])


def pick(faces: FaceFolder, indices: list[int], pixels: int) -> Prepared:
    """Some faces in the face frame."""
    return prepare(faces.only(indices), None, pixels)


def rows(values: list[Value], indices: list[int]) -> list[Value]:
    """The values at some places."""
    return [values[index] for index in indices]


if __name__ == "__main__":
    app()
