"""What is deployed of the face parser, its system, and the frozen parser that other trainings' losses look through."""

from __future__ import annotations

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
# were trained on faces of 512 px carry 2; no entry means 1.
ENLARGE = "enlarge"


class FrozenParser(FaceParser):
    """RGB [B,3,H,W] in [0,1] -> logits [B,classes,H,W]; sides are multiples of 32, differentiable in the picture."""

    def __init__(self, parser: Parser, enlarge: int = 1) -> None:
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
            size = (height * self.enlarge, width * self.enlarge)
            seen = F.interpolate(seen, size=size, mode="bilinear", align_corners=False)
        return spread(self.parser.parse(seen), height, width)


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

    Its `pixels` are those that the snapshot was trained on, where its metadata say them.
    """
    state, metadata = load_snapshot(path)
    try:
        parser = freeze(state)
    except RuntimeError as error:
        raise CheckpointError(f"{path} is no snapshot of a parser: {error}") from error
    parser.pixels = int(metadata.get("pixels", FRAME_PIXELS))
    return parser


def freeze(state: Mapping[str, Tensor]) -> FrozenParser:
    """Width, classes and enlargement follow from the weights. Raises RuntimeError when they do not fit."""
    weights = {key: tensor for key, tensor in state.items() if key != ENLARGE}
    first, last = weights.get("cp.resnet.conv1.weight"), weights.get("conv_out.conv_out.weight")
    if first is None or last is None:
        raise RuntimeError("no parser:\ncp.resnet.conv1.weight or conv_out.conv_out.weight is missing")
    if last.shape[0] not in CLASS_SETS:
        raise RuntimeError(f"no parser:\n{last.shape[0]} classes; there are sets of {sorted(CLASS_SETS)}")
    parser = Parser(last.shape[0], first.shape[0])
    parser.load_state_dict(weights)
    enlarge = int(state[ENLARGE]) if ENLARGE in state else 1
    return FrozenParser(parser, enlarge).eval().requires_grad_(False)


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
