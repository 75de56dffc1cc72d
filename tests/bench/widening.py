"""`python -m tests.bench.widening SHIPPED FOLDER`: repositories with LaFIn's generator at twice its shipped width.

FOLDER/published holds the published arithmetic, FOLDER/float32 and FOLDER/auto what `training.export` makes.
"""

from __future__ import annotations

import math
import shutil
import sys
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from training.checkpoint import load_snapshot, save_snapshot
from training.export import export
from training.layers.attention import LongShortAttention
from training.layers.norm import InstanceNorm
from training.papers.lafin.serving import DEPLOYED, load_generator

GENERATOR = "lafin_generator"
UP = ("decoder1.0", "decoder2.0")  # transposed convolutions: inputs stand first in their weights
QUERY = "attention.attention.query"
FIRST, LAST = "encoder1.1", "output.1"


def widened(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same generator with every channel twice. What reads a channel has half of the weight for each of the two."""
    return {key: widened_tensor(*key.rsplit(".", 1), tensor) for key, tensor in state.items()}


def widened_tensor(layer: str, kind: str, tensor: Tensor) -> Tensor:
    if tensor.numel() == 1:  # gamma and alpha
        return tensor
    out, into = (1, 0) if layer in UP else (0, 1)
    if layer != LAST:
        tensor = tensor.repeat_interleave(2, out if kind == "weight" else 0)
    if kind == "weight" and layer != FIRST:
        tensor = tensor.repeat_interleave(2, into) / 2
    return tensor / math.sqrt(2) if layer == QUERY else tensor  # an energy sums over twice the channels


class PublishedAttention(nn.Module):
    """LongShortAttention with torch's softmax, and a read for each map."""

    def __init__(self, own: LongShortAttention) -> None:
        super().__init__()
        self.query = own.attention.query
        self.gamma, self.alpha, self.merge = own.gamma, own.alpha, own.merge

    def forward(self, x: Tensor, earlier: Tensor, hole: Tensor) -> Tensor:
        query = self.query(x).flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ query, dim=-1).transpose(1, 2)
        short = self.gamma * (x.flatten(2) @ weights).reshape(x.shape) + x
        long = self.alpha * hole * (earlier.flatten(2) @ weights).reshape(x.shape) + (1 - hole) * earlier
        return self.merge(torch.cat((short, long), dim=1))


def publish(network: nn.Module) -> None:
    """Give every layer below `network` the published arithmetic."""
    for name, module in list(network.named_children()):
        if isinstance(module, InstanceNorm):
            setattr(network, name, nn.InstanceNorm2d(module.channels))
        elif isinstance(module, LongShortAttention):
            setattr(network, name, PublishedAttention(module))
        else:
            publish(module)


def main(shipped: Path, folder: Path) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is; the project knows
    state, _ = load_snapshot(shipped / GENERATOR / "snapshot.safetensors")
    wide = widened(state)
    for kind in ("published", "float32", "auto"):
        shutil.copytree(shipped, folder / kind)
        save_snapshot(folder / kind / GENERATOR / "snapshot.safetensors", wide, {})
    for kind in ("float32", "auto"):
        export(folder / kind / GENERATOR, DEPLOYED[GENERATOR], kind)
    served = load_generator(wide)
    publish(served)
    torch.jit.save(torch.jit.freeze(torch.jit.script(served)), str(folder / "published" / GENERATOR / "1" / "model.pt"))


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
