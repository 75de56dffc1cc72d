"""What is deployed of GFC: bytes and noise in, bytes out, normalisation inside. And the system that runs it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.deployed import Deployed, Port, Served
from training.given import Answer, BuildSystem, Given, OpenModel, System
from training.masking import complete
from training.papers.gfc.networks import FRAME_PIXELS, Generator, grained

# Snapshot entry beside the network's: the grain of the noise that it was trained with; no entry means 1.
NOISE_GRAIN = "noise_grain"


class ServedGenerator(Served):
    """image UINT8 [B,3,128,128], hole UINT8 [B,1,128,128] in {0,1}, noise FP32 [B,3,128,128] in [-1,1] -> raw UINT8.

    raw [B,3,128,128]. The noise, made as smooth as the network knows it, fills the hole before the network sees it.
    """

    def __init__(self, generator: Generator, noise_grain: int = 1) -> None:
        super().__init__()
        self.generator = generator
        self.noise_grain = noise_grain

    def forward(self, image: Tensor, hole: Tensor, noise: Tensor) -> Tensor:
        filled = complete(grained(noise.clamp(-1, 1), self.noise_grain), image.float() / 127.5 - 1, hole.float())
        raw = self.generator(filled.to(self.dtype))
        return ((raw + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def load_generator(state: dict[str, Tensor]) -> ServedGenerator:
    """The generator of a snapshot; its width and bottleneck follow from the weights."""
    weights = {key: tensor for key, tensor in state.items() if key != NOISE_GRAIN}
    first, squeeze = state.get("encoder.0.0.weight"), state.get("squeeze.weight")
    sizes = () if first is None or squeeze is None else (first.shape[0], squeeze.shape[0])
    generator = Generator(*sizes)
    generator.load_state_dict(weights)
    return ServedGenerator(generator, int(state.get(NOISE_GRAIN, 1))).eval()


IMAGE = Port("UINT8", (3, FRAME_PIXELS, FRAME_PIXELS))
HOLE = Port("UINT8", (1, FRAME_PIXELS, FRAME_PIXELS))
NOISE = Port("FP32", (3, FRAME_PIXELS, FRAME_PIXELS))

DEPLOYED: dict[str, Deployed] = {
    "gfc_generator": Deployed(
        part="generator", load=load_generator, inputs=(IMAGE, HOLE, NOISE), outputs=(IMAGE,), output_tolerance=1.0
    ),
}


def gfc(open_model: OpenModel) -> System:
    """The generator on noise that is uniform in [-1,1), each face's own."""
    generator = open_model("gfc_generator")

    def run(given: Given) -> Answer:
        drawn = np.stack([dice.uniform(-1, 1, tuple(given.image.shape[1:])) for dice in given.dice()])
        noise = torch.from_numpy(drawn).float().to(given.image.device)
        return Answer(raw=generator(given.image, given.hole, noise))

    return run


SYSTEMS: dict[str, BuildSystem] = {"gfc": gfc}
