"""Weights between two snapshots of one network: python -m training.interpolate FIRST SECOND OUT --share 0.7.

Between a network trained for small errors and the same one trained on for sharp pictures lie networks that are fairly
sharp and make few mistakes (network interpolation; Wang et al., ESRGAN, 2018, section 3.4).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from torch import Tensor

from training.checkpoint import CheckpointError, load_snapshot, save_snapshot
from training.errors import OptionError, one_line
from training.options import Version
from training.program import Program

app = Program("training.interpolate")


@app.command()
@one_line("training.interpolate")
def main(
    first: Annotated[Path, typer.Argument(help="Snapshot of the earlier network.")],
    second: Annotated[
        Path, typer.Argument(help="Snapshot of the later one; counts and other entries are taken of it.")
    ],
    out: Annotated[Path, typer.Argument(help="File to write.")],
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of the second: 0 is the first, 1 the second.")] = 0.5,
    version: Version = False,
) -> None:
    """Write the weights that lie between two snapshots of one network."""
    require_apart(out, first, second)
    (earlier, _), (later, metadata) = load_snapshot(first), load_snapshot(second)
    mixed = between(earlier, later, share)
    save_snapshot(out, mixed, metadata | {"interpolated": f"{share:g} of this, {1 - share:g} of an earlier network"})
    print(f"wrote {out}")


def require_apart(out: Path, *sources: Path) -> None:
    """OptionError if the file to write is one that is read, by whatever name, or no file at all."""
    if out.is_dir():
        raise OptionError(f"{out} is a folder; name the file to write")
    for source in sources:
        if out.exists() and source.exists() and out.samefile(source):
            raise OptionError(f"{out} is {source}, which would be lost; name another file to write")


def between(first: dict[str, Tensor], second: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Every floating tensor of `second` at `share` of the way from `first`; whole numbers are those of `second`.

    Raises CheckpointError when the two are not of one network.
    """
    weights = {key for key, tensor in second.items() if tensor.is_floating_point()}
    others = {key for key, tensor in first.items() if tensor.is_floating_point()}
    differ = sorted(weights ^ others) + sorted(k for k in weights & others if first[k].shape != second[k].shape)
    if differ:
        raise CheckpointError(f"the snapshots are of different networks: {', '.join(differ)}")
    return {key: first[key].lerp(tensor, share) if key in weights else tensor for key, tensor in second.items()}


if __name__ == "__main__":
    app()
