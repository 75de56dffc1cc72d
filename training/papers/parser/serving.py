"""What is deployed of the face parser, its system, and the frozen parser that other trainings' losses look through."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.checkpoint import CheckpointError, load_snapshot
from training.data.parsing import CLASS_SETS
from training.deployed import Deployed, Port, Served
from training.frozen.parsers import FaceParser
from training.given import Answer, BuildSystem, OpenModel, System
from training.papers.parser.networks import SIDE_MULTIPLE, Parser, normalise, spread

FRAME_PIXELS = 256
# Snapshot entry beside the network's: how many times larger than the picture the network wants to see it. Weights that
# were trained on faces of 512 px carry 2, those that learned last at 320 px 1.25; no entry means 1.
ENLARGE = "enlarge"


def enlarge_in(state: Mapping[str, Tensor]) -> float:
    """The enlargement that a snapshot asks for."""
    return float(state[ENLARGE]) if ENLARGE in state else 1.0


def with_enlarge(state: Mapping[str, Tensor], enlarge: float) -> dict[str, Tensor]:
    """The state with the enlargement, if there is one."""
    return {**state, ENLARGE: torch.tensor(enlarge)} if enlarge != 1 else dict(state)


def without_enlarge(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The snapshot's weights alone."""
    return {key: tensor for key, tensor in state.items() if key != ENLARGE}


class FrozenParser(FaceParser):
    """RGB [B,3,H,W] in [0,1] -> logits [B,classes,H,W]; sides are multiples of 32, differentiable in the picture."""

    def __init__(self, parser: Parser, enlarge: float = 1.0) -> None:
        super().__init__(pixels=FRAME_PIXELS)
        self.parser = parser
        self.enlarge = enlarge
        self.multiple = SIDE_MULTIPLE

    def forward(self, image: Tensor) -> Tensor:
        height, width = image.shape[2], image.shape[3]
        assert height % self.multiple == 0, "the height must be a multiple of 32"
        assert width % self.multiple == 0, "the width must be a multiple of 32"
        seen = normalise(image)
        if self.enlarge != 1:
            size = (self.enlarged(height), self.enlarged(width))
            seen = F.interpolate(seen, size=size, mode="bilinear", align_corners=False)
        return spread(self.parser.parse(seen), height, width)

    def enlarged(self, side: int) -> int:
        """The next multiple of what the network takes."""
        return math.ceil(side * self.enlarge / self.multiple) * self.multiple


class ServedParser(Served):
    """image UINT8 [B,3,256,256] -> parsing map UINT8 [B,1,256,256], class ids."""

    def __init__(self, parser: FrozenParser) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, image: Tensor) -> Tensor:
        logits = self.parser((image.float() / 255).to(self.dtype))
        return logits.argmax(dim=1, keepdim=True).to(torch.uint8)


def open_parser(path: Path) -> FrozenParser:
    """The parser of a snapshot, for losses: frozen, in evaluation mode. Raises CheckpointError that names the file.

    Its `pixels` are those that the snapshot was trained on, where its metadata say them, before it enlarges them.
    """
    state, metadata = load_snapshot(path)
    try:
        parser = freeze(state)
    except RuntimeError as error:
        raise CheckpointError(f"{path} is no snapshot of a parser: {error}") from error
    if "pixels" in metadata:
        parser.pixels = round(int(metadata["pixels"]) / parser.enlarge / SIDE_MULTIPLE) * SIDE_MULTIPLE
    return parser


def freeze(state: Mapping[str, Tensor]) -> FrozenParser:
    """Width, classes and enlargement follow from the weights. Raises RuntimeError when they do not fit."""
    weights = without_enlarge(state)
    first, last = weights.get("cp.resnet.conv1.weight"), weights.get("conv_out.conv_out.weight")
    if first is None or last is None:
        raise RuntimeError("no parser:\ncp.resnet.conv1.weight or conv_out.conv_out.weight is missing")
    if last.shape[0] not in CLASS_SETS:
        raise RuntimeError(f"no parser:\n{last.shape[0]} classes; there are sets of {sorted(CLASS_SETS)}")
    parser = Parser(last.shape[0], first.shape[0])
    parser.load_state_dict(weights)
    return FrozenParser(parser, enlarge_in(state)).eval().requires_grad_(False)


def load_parser(state: dict[str, Tensor]) -> ServedParser:
    """The parser of a snapshot as it is served. Raises RuntimeError that names the keys when they do not fit."""
    return ServedParser(freeze(state)).eval()


def describe(state: Mapping[str, Tensor]) -> dict[str, str]:
    """What config.pbtxt has to say about a snapshot: `classes`, the names in the order of their ids."""
    return {"classes": ",".join(CLASS_SETS[state["conv_out.conv_out.weight"].shape[0]])}


DEPLOYED: dict[str, Deployed] = {
    "parser": Deployed(
        part="parser",
        load=load_parser,
        inputs=(Port("UINT8", (3, FRAME_PIXELS, FRAME_PIXELS)),),
        outputs=(Port("UINT8", (1, FRAME_PIXELS, FRAME_PIXELS)),),
        output_tolerance=0.0,
        differing_share=0.001,
        describe=describe,
    ),
}


def parser(open_model: OpenModel) -> System:
    """The parser on the picture as it is given; a hole is black."""
    network = open_model("parser")
    return lambda given: Answer(parsing=network(given.image))


SYSTEMS: dict[str, BuildSystem] = {"parser": parser}
